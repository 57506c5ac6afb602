"""The standard corpora and vectors by name: what they are, where they come from, and whether a file is one of them."""

from __future__ import annotations

from tagsmith.corpora.locating import locate, read_corpus
from tagsmith.corpora.registry import CorpusEntry, DataSet, Registry, VectorsEntry, read_registry

__all__ = ["CorpusEntry", "DataSet", "Registry", "VectorsEntry", "locate", "read_corpus", "read_registry"]
