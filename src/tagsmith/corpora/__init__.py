"""The standard corpora and word vectors by name: a registry, downloads, checks of files, and a reader."""

from __future__ import annotations

from tagsmith.corpora.locating import locate
from tagsmith.corpora.reading import read_corpus
from tagsmith.corpora.registry import CorpusEntry, DataSet, Registry, VectorsEntry, read_registry

__all__ = ["CorpusEntry", "DataSet", "Registry", "VectorsEntry", "locate", "read_corpus", "read_registry"]
