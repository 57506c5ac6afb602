"""Pretrained word vectors: files in the usual formats, a table mapped into memory, and coverage."""

from __future__ import annotations

from tagsmith.embeddings.loading import load_vectors
from tagsmith.embeddings.reading import files_of, read_table
from tagsmith.embeddings.trimming import RowSelector, lookup_forms
from tagsmith.embeddings.vector_formats import FORMATS
from tagsmith.embeddings.vector_table import is_table, write_table
from tagsmith.embeddings.word_vectors import Coverage, WordVectors

__all__ = [
    "FORMATS",
    "Coverage",
    "RowSelector",
    "WordVectors",
    "files_of",
    "is_table",
    "load_vectors",
    "lookup_forms",
    "read_table",
    "write_table",
]
