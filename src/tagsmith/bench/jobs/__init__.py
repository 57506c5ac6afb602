"""What is timed on tagsmith's side: files for ``tagsmith.bench.serving`` to run, one for each thing measured."""
