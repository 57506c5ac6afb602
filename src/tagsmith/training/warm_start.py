"""Fine-tuning: a training that starts from the weights of an older model, for all that both have in common.

Words, characters and tags are matched by their strings. So their order and their number may differ.
``known_vectors`` and the ``old`` of ``training_set`` keep every word and character of the older model; ``inherit``
then copies its weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tagsmith.config import Config, CRFConfig, SoftmaxConfig
from tagsmith.embeddings import WordVectors
from tagsmith.errors import ConfigError
from tagsmith.schemes import OUTSIDE, split_tag
from tagsmith.store import Model
from tagsmith.tensors import Ids
from tagsmith.vocab import ABSENT, Vocabulary

_SHAPING = ("words", "chars", "encoder")
_ONLY_IN_TRAINING = {"unknown_rate", "dropout", "dropout_in", "dropout_out", "variational"}


@dataclass(frozen=True)
class WarmStart:
    """A record of what a training took over from an older model. The unknown word and character do not count."""

    words: int
    """Words of the training data that the older model has."""
    training_words: int
    """All words of the training data."""
    other_words: int
    """Words of the older model that are not in the training data. They keep their vectors."""
    lost_words: int
    """Words of the older model that the new one does not have."""
    chars: int
    """Characters that both models have."""
    all_chars: int
    """All characters of the new model; 0 if it reads no characters."""
    lost_chars: int
    """Characters of the older model that the new one does not have."""
    head: bool
    """Whether both heads are of the same kind. If not, nothing of the old one is kept."""
    unit: str
    """What the names below are: labels, or tags if the tags of a label are not all kept or all new."""
    kept: tuple[str, ...]
    new: tuple[str, ...]
    left_behind: tuple[str, ...]
    tokenizers: tuple[str, str]
    """The tokenizers of the older model and of the new one."""

    def lines(self, name: str) -> list[str]:
        """Return what to print about it.

        Args:
            name: that of the older model.
        """
        words = f"{self.words:,} of {self.training_words:,} words of the training data"
        chars = [f"{self.chars:,} of {self.all_chars:,} characters"] if self.all_chars else []
        others = [f"{self.other_words:,} other words"] if self.other_words else []
        head = "head" if self.head else "not the head, which is of another kind"
        before, now = self.tokenizers
        lost = [(self.lost_words, "words"), (self.lost_chars, "characters")]
        names = [("kept", self.kept), ("new", self.new), ("left behind", self.left_behind)]
        return [
            f"from {name}: {', '.join([words, *others, *chars, 'encoder', head])}",
            *(f"left behind: {count:,} {what}" for count, what in lost if count),
            *([f"tokenizer: {now} here, {before} in {name}"] if now != before else []),
            f"{self.unit}: {', '.join(' '.join([fate, *some]) for fate, some in names if some)}",
        ]


def known_vectors(old: Model, vectors: WordVectors | None) -> WordVectors:
    """Return the rows of all words of an older model, then those of the other words in a vector file.

    Raises:
        ConfigError: vectors of another width than the model's.
    """
    words, matrix = old.alphabets.words.strings[1:], old.weights["words.vectors"][1:]
    if vectors is None:
        return WordVectors(Vocabulary(words), matrix, "the model to start from")
    if vectors.dim != matrix.shape[1]:
        wide = f"the vectors of {vectors.source} are {vectors.dim} wide"
        raise ConfigError(
            f"words.dim is {matrix.shape[1]} in the model to start from, but {wide}; "
            f"take vectors {matrix.shape[1]} wide, or none: the model has its own"
        )
    # An empty word in a file would be the unknown word, which is never looked up.
    rest = np.flatnonzero(old.alphabets.words.ids_of(vectors.words.strings) == ABSENT)
    strings = [*words, *(vectors.words.strings[i] for i in rest)]
    return WordVectors(Vocabulary(strings), np.concatenate([matrix, vectors.matrix[rest]]), vectors.source)


def inherit(old: Model, fresh: Model) -> tuple[dict[str, NDArray[Any]], WarmStart]:
    """Return the weights of ``fresh`` with everything overwritten that the older model has.

    Rows of words and characters are matched by their strings, including the unknown ones. Rows of the head,
    transitions, start and end are matched by the names of the tags. The encoder and the other weights of characters
    are copied whole. All else stays as it is in ``fresh``.

    Raises:
        ConfigError: a setting differs that decides the shapes of these weights, or what they mean.
    """
    _check_settings(old.config, fresh.config)
    weights = {name: np.array(weight) for name, weight in fresh.weights.items()}
    for name in weights:
        if not name.startswith(("words.", "head.")) and name != "chars.vectors":
            weights[name] = np.array(old.weights[name])
    words = _shared(old.alphabets.words.strings, fresh.alphabets.words.strings)
    chars = _shared(old.alphabets.chars.strings, fresh.alphabets.chars.strings)
    for name, (theirs, ours) in {"words.vectors": words, "chars.vectors": chars}.items():
        if name in weights:
            weights[name][ours] = old.weights[name][theirs]
    same_head = _kind(old.config.head) == _kind(fresh.config.head)
    if same_head:
        _take_head(old, fresh, weights)

    spells = "chars.vectors" in weights
    in_training = int((words[1] < fresh.alphabets.trained).sum())
    unit, kept, new, left_behind = _fates(old, fresh, same_head)
    return weights, WarmStart(
        words=in_training - 1,
        training_words=fresh.alphabets.trained - 1,
        other_words=len(words[1]) - in_training,
        lost_words=len(old.alphabets.words) - len(words[0]),
        chars=spells * (len(chars[1]) - 1),
        all_chars=spells * (len(fresh.alphabets.chars) - 1),
        lost_chars=spells * (len(old.alphabets.chars) - len(chars[0])),
        head=same_head,
        unit=unit,
        kept=kept,
        new=new,
        left_behind=left_behind,
        tokenizers=(old.config.tokenizer, fresh.config.tokenizer),
    )


def _shared(theirs: Sequence[str], ours: Sequence[str]) -> tuple[Ids, Ids]:
    """The positions of the strings in both, in theirs and in ours. Shape: [shared], [shared]."""
    place = {string: i for i, string in enumerate(theirs)}
    pairs = [(place[string], i) for i, string in enumerate(ours) if string in place]
    both = np.array(pairs, np.int64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def _take_head(old: Model, fresh: Model, weights: dict[str, NDArray[Any]]) -> None:
    """Copy from the older model's head, of the same kind, the weights of tags and pairs of tags that both have."""
    theirs, ours = _shared(old.tags, fresh.tags)
    pairs = ["head.transitions"]
    if _kind(fresh.config.head) == ("crf", "bigram"):
        # A row for each tag after each tag, then for each tag at the start, which is one more tag before.
        before, after = np.append(theirs, len(old.tags)), np.append(ours, len(fresh.tags))
        pairs = ["head.weight", "head.bias"]
        for name in pairs:
            source = old.weights[name].reshape(len(old.tags) + 1, len(old.tags), -1)
            target = weights[name].reshape(len(fresh.tags) + 1, len(fresh.tags), -1)  # a view
            target[np.ix_(after, ours)] = source[np.ix_(before, theirs)]
    elif "head.transitions" in weights:
        weights["head.transitions"][np.ix_(ours, ours)] = old.weights["head.transitions"][np.ix_(theirs, theirs)]
    for name in weights:
        if name.startswith("head.") and name not in pairs:
            weights[name][ours] = old.weights[name][theirs]


def _kind(head: CRFConfig | SoftmaxConfig) -> tuple[str, ...]:
    return ("crf", head.potentials) if isinstance(head, CRFConfig) else ("softmax",)


def _check_settings(old: Config, fresh: Config) -> None:
    """Check that both have the same settings for the shapes of words, characters and encoder, and for reading words."""
    theirs, ours = msgspec.to_builtins(old), msgspec.to_builtins(fresh)
    wrong = []
    for section in _SHAPING:
        for name in theirs[section] if theirs[section].get("kind") == ours[section].get("kind") else ["kind"]:
            before, now = theirs[section][name], ours[section][name]
            if name not in _ONLY_IN_TRAINING and before != now:
                before, now = (str(value).lower() if isinstance(value, bool) else value for value in (before, now))
                wrong.append((f"{section}.{name}", before, now))
    if wrong:
        differ = ", ".join(
            f"{setting} is {now}, but {before} in the model to start from" for setting, before, now in wrong
        )
        back = " and ".join(f"{setting}={before}" for setting, before, _ in wrong)
        raise ConfigError(f"{differ}; set {back}, or train without a model to start from")


def _fates(old: Model, fresh: Model, same_head: bool) -> tuple[str, tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The unit of names, labels or tags; and the names kept, new and left behind."""
    kept = [tag for tag in fresh.tags if same_head and tag in old.tags]
    new = [tag for tag in fresh.tags if tag not in kept]
    left_behind = [tag for tag in old.tags if tag not in fresh.tags]
    tags = (tuple(kept), tuple(new), tuple(left_behind))
    if old.is_plain or fresh.is_plain:
        return "tags", *tags
    labels = (_labels(kept), _labels(new), _labels(left_behind))
    named = [label for some in labels for label in some]
    if "" in named or len(set(named)) < len(named):
        return "tags", *tags
    return "labels", *labels


def _labels(tags: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(split_tag(tag)[1] for tag in tags if tag != OUTSIDE))
