"""What is timed on tagsmith's side: files for ``tagsmith.bench.runner`` to run, one for each thing measured."""
