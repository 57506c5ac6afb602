"""``python -m tagsmith``: the shell's commands."""

from tagsmith.cli import main

main()
