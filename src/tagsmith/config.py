"""All settings, with their defaults and sources in the paper; presets, and settings by name.

A ``Config`` is frozen and stored in the model file. Presets are configs. ``configure`` starts from one
and changes settings by dotted name, as ``--set encoder.size=100`` and TOML files do.

A section with several kinds is a union: ``chars.kind=lstm`` has the settings of ``CharLSTMConfig`` and no others.
"""

from __future__ import annotations

import math
import os
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints

import msgspec
from msgspec import Meta, Struct

from tagsmith.errors import ConfigError, DataError
from tagsmith.text import SchemeName, TokenizerName

RANDOM_DIM = 100
"""The default width of randomly initialised word vectors (Ma and Hovy 2016, §2.2)."""
Rate = Annotated[float, Meta(ge=0.0, lt=1.0)]
Size = Annotated[int, Meta(ge=1, le=65_536)]
Positive = Annotated[float, Meta(gt=0.0)]
NotNegative = Annotated[float, Meta(ge=0.0)]


class WordsConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The word vectors."""

    dim: Size | None = None
    """Width of a word vector. Unset: the width of the vector file, or ``RANDOM_DIM`` without one."""
    lowercase: bool = True
    """Look up words in lower case. Their characters keep their case."""
    zero_digits: bool = True
    """Replace every ASCII digit by 0, in words and characters, in training and tagging."""
    unknown_rate: Rate = 0.5
    """The probability that a word seen once in training and without a vector trains the unknown word's row instead."""
    dropout: NotNegative = 0.0
    """Word dropout a: a word seen n times in training is replaced by the unknown word with probability a / (a + n)
    (Kiperwasser and Goldberg 2016). The model then relies more on spelling and context, and less on known words."""


class CharCNNConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="cnn"):
    """A character CNN: a convolution and the maximum over time (Ma and Hovy 2016, §2.1)."""

    dim: Size = 30
    filters: Size = 30
    window: Annotated[int, Meta(ge=1, le=101)] = 3
    """Characters that a filter sees at once. It must be odd."""
    activation: Literal["none", "tanh", "relu"] = "none"
    """The activation after the convolution. The paper has none; the authors' code has ``tanh``."""
    dropout: Rate = 0.5
    """Dropout on the character embeddings, before the convolution (Ma and Hovy 2016, §2.1)."""

    def __post_init__(self) -> None:
        if self.window % 2 == 0:
            raise ValueError(f"window must be odd, found {self.window}")

    @property
    def width(self) -> int:
        """Size of a spelling vector."""
        return self.filters


class CharLSTMConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="lstm"):
    """A character BiLSTM: its two final states (Lample et al. 2016, §4.1)."""

    dim: Size = 30
    size: Size = 25
    """State size per direction, as in Lample et al."""
    dropout: Rate = 0.5
    """Dropout on the character embeddings, as for the CNN."""

    @property
    def width(self) -> int:
        """Size of a spelling vector."""
        return 2 * self.size


class NoCharsConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="none"):
    """No characters: word vectors alone, as in the paper's BRNN and BLSTM."""

    @property
    def width(self) -> int:
        """Size of a spelling vector: 0."""
        return 0


class EncoderConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The bidirectional recurrent layers over the words of a sentence."""

    kind: Literal["lstm", "gru", "rnn"] = "lstm"
    """``gru``: Cho et al. 2014, as in PyTorch. ``rnn``: h = tanh(W x + U h + b), the paper's BRNN."""
    layers: Annotated[int, Meta(ge=1, le=64)] = 1
    """Number of layers. Each reads the states of the previous one."""
    size: Size = 200
    """State size per direction."""
    dropout_in: Rate = 0.5
    dropout_out: Rate = 0.5
    """Dropout on the states of every layer: between layers, and before the head."""
    variational: bool = False
    """Draw one dropout mask per sentence instead of one per word (Gal and Ghahramani 2016)."""


class CRFConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="crf"):
    """A linear chain over the tags (Ma and Hovy 2016, §2.3)."""

    potentials: Literal["shared", "bigram"] = "shared"
    """``shared``: one transition matrix for all words. ``bigram``, the paper's: a weight vector and a bias for each
    pair of tags, so that a step's score depends on the word."""


class SoftmaxConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="softmax"):
    """An independent softmax for each word."""


class DecodeConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Decoding, for every head."""

    constraints: Literal["scheme", "none"] = "scheme"
    """``scheme``: the best legal tag sequence. ``none``: the best of all, as the paper scores its models."""
    temperature: Positive = 1.0
    """The divisor of all scores before they become probabilities. It changes no tag."""


class TrainingConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Training: SGD as in the paper (Ma and Hovy 2016, §3), unless you name another optimiser."""

    epochs: Annotated[int, Meta(ge=1)] = 50
    batch_size: Annotated[int, Meta(ge=1)] = 10
    """Sentences per step."""
    optimizer: Literal["sgd", "adam", "adamw", "nadam", "radam"] = "sgd"
    """The optimiser. The Adam family needs a lower learning_rate, such as 0.001."""
    learning_rate: Positive = 0.015
    schedule: Literal["inverse", "linear", "cosine", "constant"] = "inverse"
    """The learning rate of epoch t, from 0: learning_rate / (1 + decay * t), or a linear or cosine decrease to 0 at the
    end of the last epoch, or constant."""
    decay: NotNegative = 0.05
    """The decay of the schedule ``inverse``."""
    momentum: Rate = 0.9
    """The momentum of the optimiser ``sgd``."""
    average: Rate = 0.0
    """Use a moving average of the weights with this decay per step, such as 0.999. 0: no average."""
    clip: Positive = 5.0
    """The bound on the L2 norm of the whole gradient, embeddings included (gradient clipping)."""
    patience: Annotated[int, Meta(ge=1)] = 15
    """Early stopping: epochs without a better dev score."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """The number type that the encoder's matrix products read. They accumulate in float32, and everything else is
    float32. ``bfloat16`` needs a GPU."""
    seed: Annotated[int, Meta(ge=0, lt=2**32)] = 1
    threads: Annotated[int, Meta(ge=1, le=1024)] = 1
    """CPU threads. With batches of 10 a second thread makes training slower."""


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of a tagger, stored in its model file."""

    scheme: Literal[SchemeName, "plain"] = "BIOES"
    """The tagging scheme inside the model; ``plain``: the tags of the data as they are."""
    tokenizer: TokenizerName = "words"
    """The tokenizer for running text, in training and tagging: ``words``, split at spaces and punctuation, or
    ``characters`` for scripts without spaces between words (Han, kana, Thai, ...)."""
    words: WordsConfig = WordsConfig()
    chars: CharCNNConfig | CharLSTMConfig | NoCharsConfig = CharCNNConfig()
    encoder: EncoderConfig = EncoderConfig()
    head: CRFConfig | SoftmaxConfig = CRFConfig()
    decode: DecodeConfig = DecodeConfig()
    training: TrainingConfig = TrainingConfig()

    @property
    def is_plain(self) -> bool:
        """True if tags are plain, such as parts of speech, and form no spans."""
        return self.scheme == "plain"


_ONLY_WITH = {"training.momentum": ("optimizer", "sgd"), "training.decay": ("schedule", "inverse")}

PRESETS: dict[str, Config] = {
    # The paper's settings for NER, with the usual shared transitions in place of its bigram potentials, and no
    # activation after the convolution (the authors' code has a tanh there that the paper does not mention).
    "ner": Config(),
    # The paper's settings for parts of speech: any tag of any token, and a lower first learning rate (§3.2).
    "pos": Config(scheme="plain", training=TrainingConfig(learning_rate=0.01)),
    # The paper has no settings for chunks. Half its dropout, chosen on dev: with
    # 0.5 the model does not even fit its training data (docs/results.md).
    "chunk": Config(chars=CharCNNConfig(dropout=0.25), encoder=EncoderConfig(dropout_in=0.25)),
}


def configure(
    preset: str | Config = "ner",
    settings: Mapping[str, Any] | None = None,
    file: str | os.PathLike[str] | None = None,
) -> Config:
    """Return a preset (or another config), changed first by a TOML file and then by settings with dotted names.

    Raises:
        ConfigError: an unknown preset or setting, or an invalid value.
    """
    if isinstance(preset, str) and preset not in PRESETS:
        raise ConfigError(f"found preset {preset!r}; expected one of: {', '.join(PRESETS)}")
    values = msgspec.to_builtins(PRESETS[preset] if isinstance(preset, str) else preset)
    changes = [] if file is None else [(name, value, f"{file}: ") for name, value in _flat(_read_toml(file))]
    changes += [(name, value, "") for name, value in (settings or {}).items()]
    # Kinds first: they decide which other settings there are.
    for name, value, where in sorted(changes, key=lambda change: change[0] not in _kind_names()):
        _set(values, name, value, where)
    # Words from a shell are strings; numbers from Python are not: lax conversion takes both.
    config = from_builtins(values)
    training = msgspec.to_builtins(config.training)
    for name, _, where in changes:
        other, only = _ONLY_WITH.get(name, ("", ""))
        if other and training[other] != only:
            found = f"{where}found setting {name!r}, which training.{other}={training[other]} does not have"
            raise ConfigError(f"{found}; it belongs to training.{other}={only}")
    return config


def from_builtins(values: Any) -> Config:
    """Return the config from the output of ``msgspec.to_builtins``.

    Raises:
        ConfigError: an unknown setting, or an invalid value.
    """
    try:
        config = msgspec.convert(values, Config, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(_readable(str(error))) from None
    for name in config.__struct_fields__:
        section = getattr(config, name)
        for field in section.__struct_fields__ if isinstance(section, Struct) else ():
            if isinstance(value := getattr(section, field), float) and not math.isfinite(value):
                raise ConfigError(f"{name}.{field}: expected a finite number, found {value}; for no limit, take 1e9")
    return config


def with_constraints(config: Config, constraints: str) -> Config:
    """Return the config with another ``decode.constraints``.

    Raises:
        ConfigError: unknown constraints.
    """
    values = msgspec.to_builtins(config)
    return from_builtins({**values, "decode": {**values["decode"], "constraints": constraints}})


def with_temperature(config: Config, temperature: float) -> Config:
    """Return the config with another ``decode.temperature``."""
    return msgspec.structs.replace(config, decode=msgspec.structs.replace(config.decode, temperature=temperature))


def parse_assignments(assignments: tuple[str, ...] | list[str]) -> dict[str, str]:
    """Return the settings in words such as ``encoder.size=100``.

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
    """Return all dotted names, in the order of the classes above, for every kind of every section."""
    names: list[str] = []
    for section in Config.__struct_fields__:
        for kind, fields in _kinds(section).items():
            names += [f"{section}.kind"] if kind else []
            names += [f"{section}.{field}" for field in fields.__struct_fields__]
        names += [] if _kinds(section) else [section]
    return list(dict.fromkeys(names))


@cache
def _kinds(section: str) -> dict[str, type[Struct]]:
    """Return the kinds of a section by name; a single nameless one if it has no kinds; none for a plain setting."""
    hint = get_type_hints(Config)[section]
    classes = [kind for kind in get_args(hint) or [hint] if isinstance(kind, type) and issubclass(kind, Struct)]
    return {str(kind.__struct_config__.tag or ""): kind for kind in classes}


def _kind_names() -> set[str]:
    """Return the settings that choose the kind of a section."""
    return {f"{section}.kind" for section in Config.__struct_fields__ if len(_kinds(section)) > 1}


def _read_toml(file: str | os.PathLike[str]) -> dict[str, Any]:
    try:
        return tomllib.loads(Path(file).read_text("utf-8-sig"))
    except FileNotFoundError:
        raise DataError("no such file", "a TOML file of settings", source=str(file)) from None
    except OSError as error:
        raise DataError(error.strerror or str(error), "a TOML file of settings", source=str(file)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: not TOML: {error}") from None


def differences(config: Config, preset: str) -> dict[str, Any]:
    """Return the settings that differ from a preset, by dotted name."""
    own, other = (dict(_flat(msgspec.to_builtins(each))) for each in (config, PRESETS[preset]))
    return {name: value for name, value in own.items() if name not in other or other[name] != value}


def _flat(values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return a document of sections as dotted names and values."""
    pairs: list[tuple[str, Any]] = []
    for name, value in values.items():
        pairs += (
            [(f"{name}.{inner}", it) for inner, it in value.items()] if isinstance(value, dict) else [(name, value)]
        )
    return pairs


def _set(values: dict[str, Any], name: str, value: Any, where: str) -> None:
    if name not in setting_names():
        raise ConfigError(f"{where}found setting {name!r}; expected one of: {', '.join(setting_names())}")
    section, _, field = name.rpartition(".")
    if name in _kind_names():
        values[section] = _of_kind(values[section], section, value, where)
    elif section and field not in values[section]:
        chosen, kinds = values[section]["kind"], _kinds(section).items()
        own = [f"{section}.kind={kind}" for kind, fields in kinds if field in fields.__struct_fields__]
        has_not = f"{where}found setting {name!r}, which {section}.kind={chosen} does not have"
        raise ConfigError(f"{has_not}; it belongs to {' and '.join(own)}")
    else:
        (values[section] if section else values)[field] = value


def _of_kind(before: dict[str, Any], section: str, kind: Any, where: str) -> dict[str, Any]:
    """Return the settings of a section after a change of kind. Shared settings keep their values."""
    kinds = _kinds(section)
    if not isinstance(kind, str) or kind not in kinds:
        raise ConfigError(f"{where}{section}.kind: found {kind!r}; expected one of: {', '.join(kinds)}")
    after = msgspec.to_builtins(kinds[kind]())
    return {name: before[name] if name in before and name != "kind" else value for name, value in after.items()}


def _readable(message: str) -> str:
    """msgspec's message with the setting's dotted name first: "Expected `int` - at `$.encoder.size`"."""
    text, _, path = message.partition(" - at `$.")
    if not path:
        return text
    name = path.rstrip("`")
    if text.startswith("Invalid enum value"):
        section, _, field = name.rpartition(".")
        owners = _kinds(section).values() if section else [Config]
        hints = {name: hint for owner in owners for name, hint in get_type_hints(owner).items()}
        text += f"; expected one of: {', '.join(get_args(hints[field]))}"
    return f"{name}: {text[0].lower()}{text[1:]}"
