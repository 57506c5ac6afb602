"""The commands of the shell, as ``python -m tagsmith``."""

from tagsmith.cli import main

main()
