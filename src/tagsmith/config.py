"""Every setting, with its default and its place in the paper; presets, and settings by name.

A ``Config`` is frozen and travels inside the model file. Presets are configs; ``configure`` starts from one
and changes settings by their dotted names, as ``--set encoder.size=100`` and TOML files do.
"""

from __future__ import annotations

import math
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints

import msgspec
from msgspec import Meta, Struct

from tagsmith.errors import ConfigError, DataError
from tagsmith.text import SchemeName, TokenizerName

Rate = Annotated[float, Meta(ge=0.0, lt=1.0)]
Size = Annotated[int, Meta(ge=1, le=65_536)]
Positive = Annotated[float, Meta(gt=0.0)]
NotNegative = Annotated[float, Meta(ge=0.0)]


class Words(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a token becomes a word vector."""

    dim: Size | None = None
    """Width of a word vector. Unset: that of the vector file, or 100 without one (Ma and Hovy 2016, §2.2)."""
    lowercase: bool = True
    """Look words up in lower case; their spelling keeps its case."""
    zero_digits: bool = True
    """Turn every ASCII digit into 0, in the word and in its spelling, when training and when tagging."""
    unknown_rate: Rate = 0.5
    """How often a word seen once in training, and absent from the vectors, trains the unknown word's row."""


class Chars(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a token's characters become a spelling vector: a convolution and the maximum over time."""

    dim: Size = 30
    filters: Size = 30
    window: Annotated[int, Meta(ge=1, le=101)] = 3
    """Characters a filter sees at once; odd, so that it has a middle."""
    dropout: Rate = 0.5
    """On the character embeddings, before the convolution (Ma and Hovy 2016, §2.1)."""

    def __post_init__(self) -> None:
        if self.window % 2 == 0:
            raise ValueError(f"window must be odd, found {self.window}")


class Encoder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The BiLSTM."""

    size: Size = 200
    """State size per direction."""
    dropout_in: Rate = 0.5
    dropout_out: Rate = 0.5


class Head(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The linear chain over the emissions."""

    potentials: Literal["shared"] = "shared"
    """``shared``: one transition matrix for all positions."""


class Training(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Stochastic gradient descent as the paper does it (Ma and Hovy 2016, §3)."""

    epochs: Annotated[int, Meta(ge=1)] = 50
    batch_size: Annotated[int, Meta(ge=1)] = 10
    """Sentences a step."""
    learning_rate: Positive = 0.015
    decay: NotNegative = 0.05
    """The rate of epoch t, counted from 0, is learning_rate / (1 + decay * t)."""
    momentum: Rate = 0.9
    clip: Positive = 5.0
    """Bound on the L2 norm of the whole gradient of the mean loss, embeddings included."""
    patience: Annotated[int, Meta(ge=1)] = 15
    """Epochs without a better dev score after which training stops."""
    seed: Annotated[int, Meta(ge=0, lt=2**32)] = 1
    threads: Annotated[int, Meta(ge=1, le=1024)] = 1
    """Threads on a CPU. The products of a batch of 10 are so small that a second one makes training slower."""


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of a tagger. Saved in its model file."""

    scheme: Literal[SchemeName, "plain"] = "BIOES"
    """How spans are written as tags inside the model; ``plain``: the tags of the data as they are."""
    tokenizer: TokenizerName = "words"
    """How running text is split, in training data and when tagging: ``words`` parted by spaces and punctuation, or
    ``characters`` where a script (Han, kana, Thai, ...) puts no spaces between words."""
    words: Words = Words()
    chars: Chars = Chars()
    encoder: Encoder = Encoder()
    head: Head = Head()
    training: Training = Training()


PRESETS: dict[str, Config] = {
    # The paper's settings for NER, with the usual shared transitions in place of its bigram potentials, and no
    # activation after the convolution (the authors' code has a tanh there that the paper does not mention).
    "ner": Config(),
}


def configure(
    preset: str = "ner",
    settings: Mapping[str, Any] | None = None,
    file: str | os.PathLike[str] | None = None,
) -> Config:
    """The config of a preset, changed first by a TOML file and then by settings with dotted names.

    Raises:
        ConfigError: an unknown preset or setting, or a value a setting can't have.
    """
    if preset not in PRESETS:
        raise ConfigError(f"found preset {preset!r}; expected one of: {', '.join(PRESETS)}")
    values = msgspec.to_builtins(PRESETS[preset])
    if file is not None:
        _merge(values, _read_toml(file), where=str(file))
    for name, value in (settings or {}).items():
        _set(values, name, value)
    # Words from a shell are strings; numbers from Python are not: lax conversion takes both.
    return from_builtins(values)


def from_builtins(values: Any) -> Config:
    """The config that ``msgspec.to_builtins`` took apart.

    Raises:
        ConfigError: an unknown setting, or a value a setting can't have.
    """
    try:
        config = msgspec.convert(values, Config, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(_readable(str(error))) from None
    for section in (config.words, config.chars, config.encoder, config.training):
        for field in section.__struct_fields__:
            if isinstance(value := getattr(section, field), float) and not math.isfinite(value):
                name = type(section).__name__.lower()
                raise ConfigError(f"{name}.{field}: expected a finite number, found {value}; for no limit, take 1e9")
    return config


def parse_assignments(assignments: tuple[str, ...] | list[str]) -> dict[str, str]:
    """Settings from words such as ``encoder.size=100``.

    Raises:
        ConfigError: a word without ``=``.
    """
    settings = {}
    for word in assignments:
        name, equals, value = word.partition("=")
        if not equals:
            raise ConfigError(f"found --set {word!r}; expected name=value, such as encoder.size=100")
        settings[name.strip()] = value.strip()
    return settings


def setting_names() -> list[str]:
    """All dotted names, in the order of the classes above."""
    names = []
    for name, value in msgspec.to_builtins(Config()).items():
        names += [f"{name}.{inner}" for inner in value] if isinstance(value, dict) else [name]
    return names


def _read_toml(file: str | os.PathLike[str]) -> dict[str, Any]:
    try:
        return tomllib.loads(Path(file).read_text("utf-8-sig"))
    except FileNotFoundError:
        raise DataError("no such file", "a TOML file of settings", source=str(file)) from None
    except OSError as error:
        raise DataError(error.strerror or str(error), "a TOML file of settings", source=str(file)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: not TOML: {error}") from None


def _merge(values: dict[str, Any], changes: Mapping[str, Any], where: str) -> None:
    for name, value in changes.items():
        if isinstance(value, dict):
            for inner, inner_value in value.items():
                _set(values, f"{name}.{inner}", inner_value, where)
        else:
            _set(values, name, value, where)


def _set(values: dict[str, Any], name: str, value: Any, where: str = "") -> None:
    if name not in setting_names():
        place = f"{where}: " if where else ""
        raise ConfigError(f"{place}found setting {name!r}; expected one of: {', '.join(setting_names())}")
    *section, last = name.split(".")
    (values[section[0]] if section else values)[last] = value


def _readable(message: str) -> str:
    """msgspec's message with the setting's dotted name first: "Expected `int` - at `$.encoder.size`"."""
    text, _, path = message.partition(" - at `$.")
    if not path:
        return text
    name = path.rstrip("`")
    if text.startswith("Invalid enum value"):
        kind: Any = Config
        for part in name.split("."):
            kind = get_type_hints(kind)[part]
        text += f"; expected one of: {', '.join(get_args(kind))}"
    return f"{name}: {text[0].lower()}{text[1:]}"
