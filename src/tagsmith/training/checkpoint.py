"""Checkpoint files: all that a training needs to resume as if it had never stopped, in one safetensors file."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from torch import Tensor

from tagsmith.errors import ConfigError, DataError
from tagsmith.store import Model, packed_alphabets
from tagsmith.tensors import Arrays, digest, is_sealed, map_tensors, write_sealed
from tagsmith.text import Sentence
from tagsmith.training.averaging import NamedTensors
from tagsmith.training.history import Epoch, Progress

_KEY = "tagsmith-checkpoint"
_VERSION = 2
_ALPHABETS = "data.alphabets"


@dataclass(frozen=True)
class Checkpoint:
    """Progress, and tensors by group (``weights``, ``best``, ``optimizer``, ``average``) and name."""

    progress: Progress
    tensors: Mapping[str, NamedTensors]
    source: str = ""
    """The file it was read from."""
    changed: frozenset[str] = frozenset()
    """What differs from the training now, by dotted name, such as ``data.dev``."""


def checkpoint_beside(model: Path) -> Path:
    """Return the checkpoint file of a model file: ``ner.checkpoint.safetensors`` for ``ner.safetensors``."""
    return model.with_name(f"{model.name.removesuffix('.safetensors')}.checkpoint.safetensors")


def save(checkpoint: Checkpoint, identity: Mapping[str, Any], path: Path) -> None:
    """Write a checkpoint. ``identity`` tells its training from all others."""
    arrays = {
        f"{group}:{name}": value.detach().cpu().numpy()
        for group, tensors in checkpoint.tensors.items()
        for name, value in tensors.items()
    }
    progress = {**asdict(checkpoint.progress), "epochs": [_epoch_out(e) for e in checkpoint.progress.epochs]}
    write_sealed(path, arrays, {"version": _VERSION, "identity": dict(identity), "progress": progress}, _KEY)


def load(path: Path, identity: Mapping[str, Any], *, anyway: bool = False) -> Checkpoint:
    """Read the checkpoint of the training that ``identity`` describes.

    Args:
        anyway: load it although settings, data or versions differ.

    Raises:
        DataError: the file is damaged, or not a checkpoint.
        ConfigError: it is another training's; the error says what differs. Even with ``anyway``, words, characters and
            tags must be the same: weights are matched by position, so they would become those of other strings.
    """
    arrays, text = map_tensors(path, _KEY)
    then, progress = _parse(text, arrays, str(path))
    differences = dict(_differences(then, msgspec.to_builtins(dict(identity))))
    if differences and (_ALPHABETS in differences or not anyway):
        listed = "".join(f"\n  {name}: {difference}" for name, difference in differences.items())
        hint = "--resume-anyway resumes it all the same"
        if _ALPHABETS in differences:
            hint = (
                "words, characters or tags differ, and its weights are matched by position: finish that training on "
                "its own data, and start from its model with --init"
            )
        raise ConfigError(f"{path}: the checkpoint of another training; what differs:{listed}\n({hint})")
    tensors: dict[str, dict[str, Tensor]] = {}
    for name, array in arrays.items():
        group, _, rest = name.partition(":")
        tensors.setdefault(group, {})[rest] = torch.from_numpy(np.array(array))
    return Checkpoint(progress, tensors, str(path), frozenset(differences))


def _parse(text: str, arrays: Arrays, source: str) -> tuple[dict[str, Any], Progress]:
    """The identity and the progress in a checkpoint's document."""
    if not text:
        raise DataError("a safetensors file that is not a checkpoint", "a checkpoint of tagsmith", source=source)
    whole = "a whole checkpoint; delete it to train from the beginning"
    try:
        document = msgspec.json.decode(text, type=dict[str, Any])
        if (version := document.get("version")) != _VERSION:
            raise DataError(f"a checkpoint of version {version!r}", f"version {_VERSION}", source=source)
        if not is_sealed(text, document.get("sha256"), arrays):
            found = "content that does not match its SHA-256: the checkpoint was changed or damaged"
            raise DataError(found, whole, source=source)
        kept = msgspec.convert(document, _Document, dec_hook=_confusion)
    except (msgspec.DecodeError, RecursionError) as error:
        raise DataError(f"a damaged checkpoint ({error})", whole, source=source) from None
    epochs = kept.progress.epochs
    if [epoch.number for epoch in epochs] != list(range(1, len(epochs) + 1)) or not all(e.best for e in epochs[:1]):
        raise DataError("a damaged checkpoint (its epochs)", whole, source=source)
    return kept.identity, kept.progress


class _Document(msgspec.Struct):
    identity: dict[str, Any]
    progress: Progress


def data_of(start: Model, train: Sequence[Sentence], dev: Sequence[Sentence] | None) -> dict[str, str | None]:
    """Return what tells a training's data from other data, as digests.

    They are of the sentences with their tags; of words, characters and tags in order; and of the weights at the start,
    including the word vectors.
    """
    return {
        "train": _digest_of(train),
        "dev": None if dev is None else _digest_of(dev),
        "alphabets": digest(str(start.alphabets.trained), packed_alphabets(start)),
        "start": digest("", start.weights),
    }


def _digest_of(sentences: Sequence[Sentence]) -> str:
    result = hashlib.sha256()
    for sentence in sentences:
        result.update(msgspec.json.encode([sentence.tokens, sentence.tags]))
    return result.hexdigest()


def _differences(then: Any, now: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(then, dict) and isinstance(now, dict):
        for key in sorted(then.keys() | now.keys()):
            yield from _differences(then.get(key), now.get(key), f"{name}.{key}" if name else key)
    elif then != now:
        yield name, f"{then} in the checkpoint, {now} now"


def _epoch_out(epoch: Epoch) -> dict[str, Any]:
    values = asdict(epoch)
    if epoch.dev is not None:  # JSON has no pairs as keys
        values["dev"]["confusion"] = [[*pair, count] for pair, count in epoch.dev.confusion.items()]
    return values


def _confusion(kind: type, triples: Any) -> Any:
    """The confusion table among the scores of an epoch, which JSON holds as triples."""
    try:
        return Counter({(str(gold), str(predicted)): int(count) for gold, predicted, count in triples})
    except (TypeError, ValueError):
        raise msgspec.ValidationError("expected triples in a confusion table") from None
