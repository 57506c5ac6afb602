"""Every setting, with its default and its place in the paper; presets, and settings by name.

A ``Config`` is frozen and travels inside the model file. Presets are configs; ``configure`` starts from one
and changes settings by their dotted names, as ``--set encoder.size=100`` and TOML files do.

A section that comes in kinds is a union: ``chars.kind=lstm`` has the settings of ``CharLSTMConfig`` and no others.
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
"""Width of word vectors that begin at random, if none is set (Ma and Hovy 2016, §2.2)."""
Rate = Annotated[float, Meta(ge=0.0, lt=1.0)]
Size = Annotated[int, Meta(ge=1, le=65_536)]
Positive = Annotated[float, Meta(gt=0.0)]
NotNegative = Annotated[float, Meta(ge=0.0)]


class WordsConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a token becomes a word vector."""

    dim: Size | None = None
    """Width of a word vector. Unset: that of the vector file, or ``RANDOM_DIM`` without one."""
    lowercase: bool = True
    """Look words up in lower case; their spelling keeps its case."""
    zero_digits: bool = True
    """Turn every ASCII digit into 0, in the word and in its spelling, when training and when tagging."""
    unknown_rate: Rate = 0.5
    """How often a word seen once in training, and absent from the vectors, trains the unknown word's row."""
    dropout: NotNegative = 0.0
    """a: any word, if seen n times in training, does so at a / (a + n) of its places (Kiperwasser and Goldberg 2016).
    It teaches a model to go by spelling and context, at the cost of words it knows."""


class CharCNNConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="cnn"):
    """A token's characters become a spelling vector by a convolution and the maximum over time (§2.1)."""

    dim: Size = 30
    filters: Size = 30
    window: Annotated[int, Meta(ge=1, le=101)] = 3
    """Characters a filter sees at once; odd, so that it has a middle."""
    activation: Literal["none", "tanh", "relu"] = "none"
    """After the convolution. The paper names none; the authors' code has ``tanh``."""
    dropout: Rate = 0.5
    """On the character embeddings, before the convolution (Ma and Hovy 2016, §2.1)."""

    def __post_init__(self) -> None:
        if self.window % 2 == 0:
            raise ValueError(f"window must be odd, found {self.window}")

    @property
    def width(self) -> int:
        """Size of a spelling vector."""
        return self.filters


class CharLSTMConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="lstm"):
    """A token's characters become a spelling vector by a BiLSTM: its two final states (Lample et al. 2016, §4.1)."""

    dim: Size = 30
    size: Size = 25
    """State size per direction, as in Lample et al."""
    dropout: Rate = 0.5
    """On the character embeddings, where the convolution has it."""

    @property
    def width(self) -> int:
        """Size of a spelling vector."""
        return 2 * self.size


class NoCharsConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="none"):
    """Words are their word vectors alone, as in the paper's BRNN and BLSTM."""

    @property
    def width(self) -> int:
        """Size of a spelling vector: there is none."""
        return 0


class EncoderConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The bidirectional recurrence over the words of a sentence."""

    kind: Literal["lstm", "gru", "rnn"] = "lstm"
    """``gru``: Cho et al. 2014, as in PyTorch. ``rnn``: h = tanh(W x + U h + b), the paper's BRNN."""
    layers: Annotated[int, Meta(ge=1, le=64)] = 1
    """Each reads the states of the one before."""
    size: Size = 200
    """State size per direction."""
    dropout_in: Rate = 0.5
    dropout_out: Rate = 0.5
    """On the states of every layer: between layers, and before the head."""
    variational: bool = False
    """Both dropouts draw one mask for all words of a sentence, not one for each word (Gal and Ghahramani 2016)."""


class CRFConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="crf"):
    """A linear chain over the tags (Ma and Hovy 2016, §2.3)."""

    potentials: Literal["shared", "bigram"] = "shared"
    """``shared``: one transition matrix for all words. ``bigram``, the paper's own: a weight vector and a bias for each
    pair of tags, so that what a step scores depends on the word."""


class SoftmaxConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="softmax"):
    """Every word's tag on its own."""


class DecodeConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How answers are read off the scores, whatever the head."""

    constraints: Literal["scheme", "none"] = "scheme"
    """``scheme``: the best of the legal sequences. ``none``: the best of all, as the paper scores its models."""
    temperature: Positive = 1.0
    """What all scores are divided by before they become probabilities. It changes no tag."""


class TrainingConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Stochastic gradient descent as the paper does it (Ma and Hovy 2016, §3), unless another optimiser is named."""

    epochs: Annotated[int, Meta(ge=1)] = 50
    batch_size: Annotated[int, Meta(ge=1)] = 10
    """Sentences a step."""
    optimizer: Literal["sgd", "adam", "adamw", "nadam", "radam"] = "sgd"
    """The Adams want a lower learning_rate, such as 0.001."""
    learning_rate: Positive = 0.015
    schedule: Literal["inverse", "linear", "cosine", "constant"] = "inverse"
    """The rate of epoch t, counted from 0: learning_rate / (1 + decay * t), or down to 0 at the end of the last epoch
    in a line or along a cosine, or always learning_rate."""
    decay: NotNegative = 0.05
    """Of the schedule ``inverse``."""
    momentum: Rate = 0.9
    """Of the optimizer ``sgd``."""
    average: Rate = 0.0
    """Answer with a moving average of the weights that keeps this share of itself each step, such as 0.999; 0: none."""
    clip: Positive = 5.0
    """Bound on the L2 norm of the whole gradient of the mean loss, embeddings included."""
    patience: Annotated[int, Meta(ge=1)] = 15
    """Epochs without a better dev score after which training stops."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """What the products of the encoder's matrices read; they add up in float32, and all else is float32. ``bfloat16``
    only on a GPU."""
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
    words: WordsConfig = WordsConfig()
    chars: CharCNNConfig | CharLSTMConfig | NoCharsConfig = CharCNNConfig()
    encoder: EncoderConfig = EncoderConfig()
    head: CRFConfig | SoftmaxConfig = CRFConfig()
    decode: DecodeConfig = DecodeConfig()
    training: TrainingConfig = TrainingConfig()

    @property
    def is_plain(self) -> bool:
        """Whether tags are plain, such as parts of speech, and spell no spans."""
        return self.scheme == "plain"


_ONLY_WITH = {"training.momentum": ("optimizer", "sgd"), "training.decay": ("schedule", "inverse")}

PRESETS: dict[str, Config] = {
    # The paper's settings for NER, with the usual shared transitions in place of its bigram potentials, and no
    # activation after the convolution (the authors' code has a tanh there that the paper does not mention).
    "ner": Config(),
    # The paper's settings for parts of speech: any tag of any token, and a lower first learning rate (§3.2).
    "pos": Config(scheme="plain", training=TrainingConfig(learning_rate=0.01)),
    # Chunks are spans like names; the paper has no settings of its own for them. Half its dropout, chosen on dev: with
    # 0.5 the model does not even fit what it has seen (docs/results.md).
    "chunk": Config(chars=CharCNNConfig(dropout=0.25), encoder=EncoderConfig(dropout_in=0.25)),
}


def configure(
    preset: str | Config = "ner",
    settings: Mapping[str, Any] | None = None,
    file: str | os.PathLike[str] | None = None,
) -> Config:
    """The config of a preset (or another config), changed first by a TOML file and then by settings with dotted names.

    Raises:
        ConfigError: an unknown preset or setting, or a value a setting can't have.
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
    """The config that ``msgspec.to_builtins`` took apart.

    Raises:
        ConfigError: an unknown setting, or a value a setting can't have.
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
    """The config with another ``decode.constraints``.

    Raises:
        ConfigError: constraints of another name.
    """
    values = msgspec.to_builtins(config)
    return from_builtins({**values, "decode": {**values["decode"], "constraints": constraints}})


def with_temperature(config: Config, temperature: float) -> Config:
    """The config with another ``decode.temperature``."""
    return msgspec.structs.replace(config, decode=msgspec.structs.replace(config.decode, temperature=temperature))


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
    """All dotted names, in the order of the classes above, those of every kind of a section among them."""
    names: list[str] = []
    for section in Config.__struct_fields__:
        for kind, fields in _kinds(section).items():
            names += [f"{section}.kind"] if kind else []
            names += [f"{section}.{field}" for field in fields.__struct_fields__]
        names += [] if _kinds(section) else [section]
    return list(dict.fromkeys(names))


@cache
def _kinds(section: str) -> dict[str, type[Struct]]:
    """The kinds a section comes in by name; one without a name where there are no kinds; none for a plain setting."""
    hint = get_type_hints(Config)[section]
    classes = [kind for kind in get_args(hint) or [hint] if isinstance(kind, type) and issubclass(kind, Struct)]
    return {str(kind.__struct_config__.tag or ""): kind for kind in classes}


def _kind_names() -> set[str]:
    """The settings that choose the kind of a section."""
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
    """The settings of a config that a preset does not have so, by dotted name."""
    own, other = (dict(_flat(msgspec.to_builtins(each))) for each in (config, PRESETS[preset]))
    return {name: value for name, value in own.items() if name not in other or other[name] != value}


def _flat(values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """A document of sections as dotted names and values."""
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
    """The settings of a section after it changes its kind: those both kinds have keep their values."""
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
