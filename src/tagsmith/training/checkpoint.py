"""Checkpoints: all that a training needs to go on as if nothing had happened, in one safetensors file."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from torch import Tensor

from tagsmith.errors import ConfigError, DataError
from tagsmith.metrics import Scores
from tagsmith.store import Model, packed_alphabets
from tagsmith.tensors import Arrays, digest, is_sealed, map_tensors, write_sealed
from tagsmith.text import Sentence

_KEY = "tagsmith-checkpoint"
_VERSION = 2
_ALPHABETS = "data.alphabets"


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to. ``dev`` is None where there is no dev file."""

    number: int
    loss: float
    learning_rate: float
    seconds: float
    tokens_per_second: float
    dev: Scores | None
    best: bool


@dataclass
class Progress:
    """How far a training has come: whole epochs, and the steps of the one under way."""

    epochs: list[Epoch] = field(default_factory=list)
    steps: int = 0
    loss: float = 0.0
    """Sum of the losses of all sentences of the epoch under way."""
    tokens: int = 0
    seconds: float = 0.0

    @property
    def number(self) -> int:
        """The epoch under way, counted from 1."""
        return len(self.epochs) + 1

    def begin_epoch(self) -> None:
        """No step of the epoch under way is done."""
        self.steps, self.loss, self.tokens, self.seconds = 0, 0.0, 0, 0.0

    @property
    def best(self) -> Epoch | None:
        """The best epoch so far."""
        return next((epoch for epoch in reversed(self.epochs) if epoch.best), None)


@dataclass(frozen=True)
class Checkpoint:
    """Progress, and tensors by group (``weights``, ``best``, ``optimizer``, ``average``) and name."""

    progress: Progress
    tensors: Mapping[str, Mapping[str, Tensor]]
    source: str = ""
    """The file it was read from."""
    changed: frozenset[str] = frozenset()
    """What of the training is other now than then, by dotted name, such as ``data.dev``."""


def checkpoint_beside(model: Path) -> Path:
    """Where the checkpoint of a model file goes: ``ner.safetensors`` has ``ner.checkpoint.safetensors``."""
    return model.with_name(f"{model.name.removesuffix('.safetensors')}.checkpoint.safetensors")


def save(checkpoint: Checkpoint, identity: Mapping[str, Any], path: Path) -> None:
    """Write a checkpoint of the training that ``identity`` tells from all others."""
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
        anyway: go on though settings, data or versions are others.

    Raises:
        DataError: the file is damaged, or no checkpoint.
        ConfigError: it is another training's; the error says what differs. Also with ``anyway``, where its words,
            characters or tags are others: weights go by place, so these would be of others from now on.
    """
    arrays, text = map_tensors(path, _KEY)
    then, progress = _parse(text, arrays, str(path))
    differences = dict(_differences(then, msgspec.to_builtins(dict(identity))))
    if differences and (_ALPHABETS in differences or not anyway):
        listed = "".join(f"\n  {name}: {difference}" for name, difference in differences.items())
        way = (
            "words, characters or tags are others, and its weights go by their places: finish that training on its own "
            "data, and start from its model with --init"
        )
        way = way if _ALPHABETS in differences else "--resume-anyway goes on"
        raise ConfigError(f"{path}: the checkpoint of another training; what differs:{listed}\n({way})")
    tensors: dict[str, dict[str, Tensor]] = {}
    for name, array in arrays.items():
        group, _, rest = name.partition(":")
        tensors.setdefault(group, {})[rest] = torch.from_numpy(np.array(array))
    return Checkpoint(progress, tensors, str(path), frozenset(differences))


def _parse(text: str, arrays: Arrays, source: str) -> tuple[dict[str, Any], Progress]:
    """The identity and the progress in a checkpoint's document."""
    if not text:
        raise DataError("a safetensors file that is no checkpoint", "a checkpoint of tagsmith", source=source)
    whole = "a whole checkpoint; without one, delete it and train anew"
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
    """What tells a training's data from others', as digests: sentences with their tags; words, characters and tags in
    their order; and the weights it begins with, word vectors among them."""
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
