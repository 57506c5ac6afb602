"""The sentences of corpora in the registry."""

from __future__ import annotations

import os

from tagsmith import formats
from tagsmith.corpora.locating import locate
from tagsmith.corpora.registry import CorpusEntry, Registry, read_registry
from tagsmith.errors import DataError
from tagsmith.formats.columns import Columns
from tagsmith.text import Sentence


def read_corpus(
    name: str, folder: str | os.PathLike[str], registry: Registry | None = None
) -> dict[str, list[Sentence]]:
    """Read the sentences of a corpus by split. If a corpus has no dev, it is the last tenth of train.

    Args:
        folder: the corpus's files, or a folder of data sets with a subfolder for it.

    Raises:
        ConfigError: no corpus has this name.
        DataError: a file is missing or unreadable, or has more malformed lines than the registry says.
    """
    registry = registry or read_registry()
    corpus = registry.corpus(name)
    splits = {key: read_split(corpus, key, path) for key, path in locate(name, folder, registry).items()}
    return split_off_dev(splits) if corpus.last_tenth_is_dev else splits


def split_off_dev(splits: dict[str, list[Sentence]]) -> dict[str, list[Sentence]]:
    """Return the splits with the last tenth of train, rounded down, as dev."""
    train = splits["train"]
    end = len(train) - len(train) // 10
    return {"train": train[:end], "dev": train[end:], **{key: splits[key] for key in splits if key != "train"}}


def read_split(corpus: CorpusEntry, split: str, path: str | os.PathLike[str]) -> list[Sentence]:
    """Read the sentences of one file, without the malformed lines that the registry knows about.

    Raises:
        DataError: the file can't be read, or has more malformed lines.
    """
    sentences, malformed = read_with_malformed(corpus, path)
    if len(malformed) > corpus.files[split].malformed:
        raise malformed[0]
    return sentences


def read_with_malformed(corpus: CorpusEntry, path: str | os.PathLike[str]) -> tuple[list[Sentence], list[DataError]]:
    """Read the sentences of one file, and the errors of the malformed lines that were skipped.

    Raises:
        DataError: the file can't be read.
    """
    malformed: list[DataError] = []
    columns = Columns(tag=corpus.tag_column)
    return list(formats.read(path, columns=columns, on_bad=malformed.append)), malformed
