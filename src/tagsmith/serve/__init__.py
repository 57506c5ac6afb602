"""The HTTP service, its web page and its Python client. ``tagsmith serve`` runs it; docs/serve.md describes it."""
