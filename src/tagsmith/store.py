"""The model, and its file: one safetensors file with everything a tagger needs, and no code.

docs/model-file.md describes the layout.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from tagsmith import bundled
from tagsmith.batching import UNKNOWN, Alphabets
from tagsmith.config import (
    CharCNNConfig,
    CharLSTMConfig,
    Config,
    CRFConfig,
    EncoderConfig,
    NoCharsConfig,
    SoftmaxConfig,
    from_builtins,
)
from tagsmith.errors import ConfigError, DataError, ModelFileError
from tagsmith.ops.recurrence.kinds import KINDS
from tagsmith.schemes import OUTSIDE, SCHEMES, is_span_tag, tag_labels
from tagsmith.tensors import Ids, is_sealed, map_tensors, pack_strings, release, write_sealed
from tagsmith.vocab import Vocabulary

FORMAT_VERSION = 2
_KEY = "tagsmith"
_TABLE = "words.vectors"
_WITHOUT_VECTOR = "words.without_vector"
INT8_TOLERANCE = 0.05
"""The largest difference in points between two dev scores that count as equal."""


class Int8Check(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The dev scores in float32 and in int8: span F1, or accuracy for plain tags."""

    dev_score_fp32: Annotated[float, Meta(ge=0.0, le=100.0)]
    dev_score_int8: Annotated[float, Meta(ge=0.0, le=100.0)]
    dev_sentences: Annotated[int, Meta(ge=1)]
    dev_tokens: Annotated[int, Meta(ge=1)]

    @property
    def difference(self) -> float:
        """The gain of int8 on dev in points; negative if it loses."""
        return self.dev_score_int8 - self.dev_score_fp32

    @property
    def passed(self) -> bool:
        """True if int8 may replace fp32 by default: the dev scores differ by at most ``INT8_TOLERANCE`` points."""
        return abs(self.difference) <= INT8_TOLERANCE


class _Checks(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The measurements of a model at each precision."""

    int8: Int8Check | None = None


class Calibration(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fit of ``decode.temperature``: its data, and the errors before (temperature 1) and after, cross-fitted by
    folds.
    Answers are predicted spans, or plain tags."""

    sentences_sha256: str
    """The SHA-256 of the tokens and tags."""
    sentences: Annotated[int, Meta(ge=1)]
    answers: Annotated[int, Meta(ge=1)]
    ece_before: Annotated[float, Meta(ge=0.0, le=1.0)]
    ece_after: Annotated[float, Meta(ge=0.0, le=1.0)]
    brier_before: Annotated[float, Meta(ge=0.0, le=1.0)]
    brier_after: Annotated[float, Meta(ge=0.0, le=1.0)]


@dataclass(frozen=True)
class Model:
    """A trained model: settings, vocabularies, tags, weights by name, and facts about its training."""

    config: Config
    alphabets: Alphabets
    tags: tuple[str, ...]
    weights: Mapping[str, NDArray[Any]]
    training: Mapping[str, Any]
    int8: Int8Check | None = None
    """The int8 check of these weights; None if not measured."""
    card: str = ""
    """A model card in Markdown: data, licence, scores, limits."""
    calibration: Calibration | None = None
    """The calibration of these weights; None if no temperature was fitted."""
    without_vector: Ids | None = None
    """The ids of the words without a pretrained vector, ascending; None if unknown. Their rows come from training."""
    format_version: int = FORMAT_VERSION
    """The version of the file it was read from. It is saved in the newest version."""

    @property
    def is_plain(self) -> bool:
        """True if its tags are plain, such as parts of speech, and form no spans."""
        return self.config.is_plain

    @property
    def labels(self) -> tuple[str, ...]:
        """Its labels, sorted: the span labels, or plain tags."""
        return tag_labels(self.tags, self.config.scheme)


def shapes(config: Config, alphabets: Alphabets, tags: int) -> dict[str, tuple[int, ...]]:
    """Return the names and shapes of a model's weights."""
    words, encoder = config.words.dim or 0, config.encoder
    found = {_TABLE: (len(alphabets.words), words), **_char_shapes(config.chars, len(alphabets.chars))}
    width = words + config.chars.width
    for layer in layer_names(encoder):
        found |= _recurrent_shapes(layer, width, encoder.size, encoder.kind)
        width = 2 * encoder.size
    return found | _head_shapes(config.head, width, tags)


def layer_names(encoder: EncoderConfig) -> list[str]:
    """Return the name prefix of each layer's weights: ``encoder``, ``encoder2``, ``encoder3`` and so on."""
    return ["encoder", *(f"encoder{number}" for number in range(2, encoder.layers + 1))]


def _char_shapes(chars: CharCNNConfig | CharLSTMConfig | NoCharsConfig, count: int) -> dict[str, tuple[int, ...]]:
    match chars:
        case CharCNNConfig(dim=dim, filters=filters, window=window):
            convolution = {"chars.weight": (filters, window * dim), "chars.bias": (filters,)}
            return {"chars.vectors": (count, dim), **convolution}
        case CharLSTMConfig(dim=dim, size=size):
            return {"chars.vectors": (count, dim), **_recurrent_shapes("chars", dim, size, "lstm")}
        case NoCharsConfig():
            return {}


def recurrence_kinds(config: Config) -> dict[str, str]:
    """The kind of each recurrence that a model has, by what the names of its weights begin with."""
    chars = {"chars": "lstm"} if isinstance(config.chars, CharLSTMConfig) else {}
    return {**chars, **dict.fromkeys(layer_names(config.encoder), config.encoder.kind)}


def _recurrent_shapes(name: str, inputs: int, size: int, kind: str) -> dict[str, tuple[int, ...]]:
    """The weights of a recurrence that reads both ways."""
    gates = len(KINDS[kind].gates)
    return {
        f"{name}.input_weight": (2, inputs, gates * size),
        f"{name}.state_weight": (2, size, gates * size),
        f"{name}.bias": (2, gates * size),
    }


def _head_shapes(head: CRFConfig | SoftmaxConfig, width: int, tags: int) -> dict[str, tuple[int, ...]]:
    match head:
        case CRFConfig(potentials="bigram"):
            pairs = (tags + 1) * tags  # each tag after each tag, then each tag at the start
            return {"head.weight": (pairs, width), "head.bias": (pairs,), "head.end_transitions": (tags,)}
        case CRFConfig():
            ends = {"head.start_transitions": (tags,), "head.end_transitions": (tags,)}
            return {"head.weight": (tags, width), "head.bias": (tags,), "head.transitions": (tags, tags), **ends}
        case SoftmaxConfig():
            return {"head.weight": (tags, width), "head.bias": (tags,)}


def save(model: Model, path: str | os.PathLike[str]) -> None:
    """Write a model file. The same model gives the same bytes."""
    document = {
        "format_version": FORMAT_VERSION,
        "config": msgspec.to_builtins(model.config),
        "trained_words": model.alphabets.trained,
        "training": dict(model.training),
    }
    if model.card:
        document["card"] = model.card
    if model.int8 is not None:
        document["precision"] = _Checks(model.int8)
    if model.calibration is not None:
        document["calibration"] = model.calibration
    known = {} if model.without_vector is None else {_WITHOUT_VECTOR: model.without_vector}
    write_sealed(path, {**model.weights, **packed_alphabets(model), **known}, document, _KEY)


def packed_alphabets(model: Model) -> dict[str, NDArray[Any]]:
    """Return words, characters and tags in order, as the arrays of the file."""
    strings = {
        "words": model.alphabets.words.packed,
        "chars": model.alphabets.chars.packed,
        "tags": pack_strings(model.tags),
    }
    packed: dict[str, NDArray[Any]] = {}
    for name, values in strings.items():
        packed[f"{name}.bytes"], packed[f"{name}.offsets"] = values
    return packed


def load(path: str | os.PathLike[str]) -> Model:
    """Read a model file, or a model in the package by its name; the weights stay on disk, mapped into memory.

    Raises:
        DataError: no such file, and no such name.
        ModelFileError: the file is damaged, changed, foreign, or of an unsupported version.
    """
    path = bundled.find(path)
    try:
        tensors, text = map_tensors(path, _KEY)
    except DataError as error:
        raise ModelFileError(str(error)) from None
    if not text:
        raise ModelFileError(f"{path}: a safetensors file, but not a tagsmith model")
    try:
        document = msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:
        raise ModelFileError(f"{path}: damaged metadata: {error}") from None
    if (version := document.get("format_version")) not in (1, FORMAT_VERSION) or type(version) is not int:
        raise ModelFileError(f"{path}: format version {version!r}; this tagsmith reads versions 1 and {FORMAT_VERSION}")
    if not is_sealed(text, document.get("sha256"), tensors):
        raise ModelFileError(f"{path}: the content does not match its SHA-256; the file was changed or damaged")
    try:
        model = _build(document, tensors)
        release(*model.weights.values())  # read whole to be checked; what a text needs of them is little
        return model
    except (KeyError, ValueError, TypeError, ConfigError) as error:
        raise ModelFileError(f"{path}: not a whole model: {error}") from None


def _build(document: dict[str, Any], tensors: dict[str, NDArray[Any]]) -> Model:
    words, chars, tag_names = (
        Vocabulary.of_packed(tensors.pop(f"{name}.bytes"), tensors.pop(f"{name}.offsets"))
        for name in ("words", "chars", "tags")
    )
    if words.id_of("") != UNKNOWN or chars.id_of("") != UNKNOWN:
        raise ValueError("word 0 and character 0 must be the unknown ones, written as the empty string")
    version, settings = document["format_version"], document["config"]
    config = from_builtins(_from_version_1(settings) if version == 1 else settings)
    alphabets = Alphabets(
        words,
        chars,
        document["trained_words"],
        config.words.lowercase,
        config.words.zero_digits,
    )
    tags = tuple(tag_names.strings)
    if not tags or (config.scheme in SCHEMES and OUTSIDE not in tags):
        raise ValueError(f"tags {' '.join(tags)!r} under scheme {config.scheme}")
    if config.scheme in SCHEMES and (bad := [tag for tag in tags if not is_span_tag(tag)]):
        raise ValueError(f"tag {bad[0]!r} under scheme {config.scheme}")
    if type(alphabets.trained) is not int or not 1 <= alphabets.trained <= len(alphabets.words):
        raise ValueError(f"{alphabets.trained} trained words among {len(alphabets.words)}")
    without_vector = tensors.pop(_WITHOUT_VECTOR, None)
    if without_vector is not None and not _are_words(without_vector, len(alphabets.words)):
        raise ValueError(f"{_WITHOUT_VECTOR} is not a list of words in order")
    expected = shapes(config, alphabets, len(tags))
    found = {name: array.shape for name, array in tensors.items()}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name) or tensors[name].dtype not in _types(name):
            types = " or ".join(map(str, _types(name)))
            raise ValueError(f"weight {name!r} is {found.get(name)}, expected {expected.get(name)} of {types}")
        if not np.isfinite(tensors[name]).all():
            raise ValueError(f"weight {name!r} holds a value that is no finite number")
    if not isinstance(document["training"], dict):
        raise ValueError("training must be an object")
    checks = msgspec.convert(document.get("precision", {}), _Checks)
    return Model(
        config,
        alphabets,
        tags,
        tensors,
        document["training"],
        int8=checks.int8,
        card=msgspec.convert(document.get("card", ""), str),
        calibration=msgspec.convert(document.get("calibration"), Calibration | None),
        without_vector=without_vector,
        format_version=version,
    )


def _are_words(ids: NDArray[Any], words: int) -> bool:
    """Return whether these are ascending ids of known words."""
    return ids.dtype == np.int64 and ids.ndim == 1 and bool((np.diff(ids, prepend=0, append=words) > 0).all())


def _types(weight: str) -> list[np.dtype[Any]]:
    """Return the number types that a weight may be stored in."""
    return [np.dtype(np.float32), *([np.dtype(np.float16)] if weight == _TABLE else [])]


def with_half_vectors(model: Model) -> Model:
    """Return the model with word vectors in half precision: half the size, rounded to three digits.

    Raises:
        ValueError: a number that is too large for it.
    """
    table, largest = model.weights[_TABLE], np.finfo(np.float16).max
    if np.abs(table).max(initial=0) > largest:
        raise ValueError(f"a word vector beyond {largest}, the largest number of half precision")
    return replace(model, weights={**model.weights, _TABLE: table.astype(np.float16)}, int8=None, calibration=None)


def _from_version_1(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a version 1 file. What it does not say has its default."""
    kinds = {"chars": "cnn", "head": "crf"}
    return {**settings, **{section: {"kind": kind, **settings[section]} for section, kind in kinds.items()}}
