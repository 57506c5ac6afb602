"""The standard corpora and vectors by name: what they are, where they come from, and whether a file is one of them."""

from __future__ import annotations

from tagsmith.corpora.places import locate, read_corpus
from tagsmith.corpora.registry import Corpus, DataSet, Registry, WordVectors, read_registry

__all__ = ["Corpus", "DataSet", "Registry", "WordVectors", "locate", "read_corpus", "read_registry"]
