"""The HTTP service, its page and its client; ``tagsmith serve`` runs it. docs/serve.md shows how it is used."""
