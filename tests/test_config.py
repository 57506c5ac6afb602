from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith import ConfigError, DataError
from tagsmith.config import (
    PRESETS,
    CharCNNConfig,
    CharLSTMConfig,
    Config,
    CRFConfig,
    EncoderConfig,
    configure,
    differences,
    from_builtins,
    parse_assignments,
    setting_names,
    with_constraints,
)


def flat(config: Config) -> dict[str, Any]:
    """All settings a config has, by dotted name."""
    values: dict[str, Any] = {}
    for section, value in msgspec.to_builtins(config).items():
        values |= {f"{section}.{name}": inner for name, inner in value.items()} if isinstance(value, dict) else {}
        values |= {} if isinstance(value, dict) else {section: value}
    return values


DEFAULTS = flat(Config())
OF_ANOTHER_KIND = {"chars.size": {"chars.kind": "lstm"}}
"""Settings the default preset does not have, and what gives them a place."""


def around(name: str) -> dict[str, Any]:
    return OF_ANOTHER_KIND.get(name, {})


def another(name: str) -> Any:
    """A value the setting can have, other than its default where there is one."""
    match {**DEFAULTS, **flat(configure(settings=around(name)))}[name]:
        case bool(value):
            return not value
        case None:
            return 7
        case int(value):
            return value + 2
        case float(value):
            return value / 2 or 0.25
        case str():
            return CHOICES[name]
        case value:
            raise AssertionError(f"a setting of a new kind: {name}={value!r}")


CHOICES = {
    "tokenizer": "characters",
    "scheme": "IOB2",
    "chars.kind": "lstm",
    "chars.activation": "relu",
    "encoder.kind": "rnn",
    "head.kind": "softmax",
    "head.potentials": "bigram",
    "decode.constraints": "none",
    "training.optimizer": "adamw",
    "training.schedule": "cosine",
    "training.precision": "bfloat16",
}
KINDS = ("chars.kind", "head.kind")
every_setting = pytest.mark.parametrize("name", setting_names())


class TestNames:
    def test_settings_have_dotted_names(self) -> None:
        assert {"scheme", "words.dim", "chars.window", "encoder.size", "training.seed"} <= set(setting_names())

    def test_no_name_comes_twice(self) -> None:
        assert len(set(setting_names())) == len(setting_names())


class TestOneSetting:
    @every_setting
    def test_it_takes_a_value_from_python_and_leaves_all_others_alone(self, name: str) -> None:
        changed = flat(configure(settings={**around(name), name: another(name)}))
        before = flat(configure(settings=around(name)))
        if name in KINDS:  # other settings come and go with the kind
            assert changed[name] == another(name)
            assert {key: changed[key] for key in changed.keys() & before.keys() - {name}} == {
                key: before[key] for key in changed.keys() & before.keys() - {name}
            }
        else:
            assert changed == {**before, name: another(name)}

    @every_setting
    def test_it_takes_a_word_from_a_shell(self, name: str) -> None:
        word = str(another(name)).lower() if isinstance(another(name), bool) else str(another(name))
        expected = configure(settings={**around(name), name: another(name)})
        assert configure(settings={**around(name), name: word}) == expected

    @every_setting
    @pytest.mark.parametrize(
        "value", ["no such value", [1], {"a": 1}, object()], ids=lambda value: type(value).__name__
    )
    def test_a_value_of_another_type_is_refused_by_the_name_of_the_setting(self, name: str, value: object) -> None:
        with pytest.raises(ConfigError, match=rf"^{name}: "):
            configure(settings={**around(name), name: value})

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("words.dim", 0),
            ("words.dim", 65_537),
            ("words.unknown_rate", 1.0),
            ("words.unknown_rate", -0.1),
            ("words.lowercase", 2),
            ("chars.window", 0),
            ("chars.window", 103),
            ("chars.dropout", 1),
            ("encoder.size", 0),
            ("encoder.size", "-3"),
            ("encoder.size", 100.5),
            ("encoder.size", True),
            ("encoder.size", None),
            ("encoder.dropout_in", float("nan")),
            ("encoder.layers", 0),
            ("encoder.layers", 65),
            ("encoder.kind", "qrnn"),
            ("encoder.variational", 2),
            ("chars.kind", "CNN"),
            ("chars.kind", None),
            ("chars.activation", "sigmoid"),
            ("head.kind", "Softmax"),
            ("decode.constraints", "bioes"),
            ("training.learning_rate", 0),
            ("training.learning_rate", "nan"),
            ("training.decay", -1e-9),
            ("training.epochs", 0),
            ("training.clip", 0.0),
            ("training.seed", -1),
            ("training.seed", 2**32),
            ("scheme", "IOB"),
            ("scheme", "IOBES"),
        ],
    )
    def test_a_value_out_of_range_is_refused_by_the_name_of_the_setting(self, name: str, value: object) -> None:
        with pytest.raises(ConfigError, match=rf"^{name}: "):
            configure(settings={name: value})

    def test_an_even_window_is_refused(self) -> None:
        with pytest.raises(ConfigError, match=r"^chars: window must be odd, found 4$"):
            configure(settings={"chars.window": "4"})

    @pytest.mark.parametrize("name", ["encoder.sise", "encoder", "size", "", "encoder.size.x", "Encoder.size", "."])
    def test_an_unknown_name_is_refused_with_those_there_are(self, name: str) -> None:
        with pytest.raises(ConfigError) as caught:
            configure(settings={name: 1})
        assert str(caught.value) == f"found setting {name!r}; expected one of: {', '.join(setting_names())}"

    def test_a_word_width_can_be_unset_again(self) -> None:
        assert configure(settings={"words.dim": "null"}).words.dim is None


class TestKinds:
    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            (
                {"chars.kind": "lstm", "chars.filters": 3},
                "'chars.filters', which chars.kind=lstm does not have; it belongs to chars.kind=cnn",
            ),
            ({"chars.size": 3}, "'chars.size', which chars.kind=cnn does not have; it belongs to chars.kind=lstm"),
            (
                {"chars.dropout": 0.1, "chars.kind": "none"},
                "'chars.dropout', which chars.kind=none does not have; "
                "it belongs to chars.kind=cnn and chars.kind=lstm",
            ),
            (
                {"head.potentials": "shared", "head.kind": "softmax"},
                "'head.potentials', which head.kind=softmax does not have; it belongs to head.kind=crf",
            ),
        ],
    )
    def test_a_setting_of_another_kind_is_refused_with_its_own(self, settings: dict[str, Any], message: str) -> None:
        with pytest.raises(ConfigError) as caught:
            configure(settings=settings)
        assert str(caught.value) == f"found setting {message}"

    def test_a_setting_of_another_kind_in_a_file_is_refused_with_the_file(self, tmp_path: Path) -> None:
        (tmp_path / "x.toml").write_text("[chars]\nwindow = 5\nkind = 'none'\n")
        with pytest.raises(ConfigError) as caught:
            configure(file=tmp_path / "x.toml")
        assert str(caught.value).startswith(f"{tmp_path}/x.toml: found setting 'chars.window', which chars.kind=none")

    def test_the_order_in_which_kind_and_settings_are_named_does_not_matter(self) -> None:
        one, other = {"chars.size": 9, "chars.kind": "lstm"}, {"chars.kind": "lstm", "chars.size": 9}
        assert configure(settings=one) == configure(settings=other)
        assert configure(settings=one).chars == CharLSTMConfig(size=9)

    def test_settings_that_both_kinds_have_stay_as_the_preset_has_them(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(PRESETS, "wide", Config(chars=CharCNNConfig(dim=11, dropout=0.1, filters=99)))
        assert configure("wide", {"chars.kind": "lstm"}).chars == CharLSTMConfig(dim=11, dropout=0.1)
        assert configure("wide", {"chars.kind": "lstm", "chars.dim": 5}).chars == CharLSTMConfig(dim=5, dropout=0.1)

    def test_naming_the_kind_that_is_there_changes_nothing(self) -> None:
        assert configure(settings={"chars.kind": "cnn", "head.kind": "crf"}) == configure()

    @pytest.mark.parametrize(
        ("settings", "width"),
        [
            ({"chars.filters": 7}, 7),
            ({"chars.kind": "lstm", "chars.size": 7}, 14),
            ({"chars.kind": "none"}, 0),
        ],
    )
    def test_the_width_of_a_spelling_vector_is_known(self, settings: dict[str, Any], width: int) -> None:
        assert configure(settings=settings).chars.width == width

    def test_constraints_are_changed_alone(self) -> None:
        before = configure(settings={"chars.kind": "none", "encoder.size": 7})
        after = configure(settings={"chars.kind": "none", "encoder.size": 7, "decode.constraints": "none"})
        assert with_constraints(before, "none") == after
        assert with_constraints(after, "scheme") == before
        with pytest.raises(ConfigError, match=r"^decode\.constraints: .*expected one of: scheme, none"):
            with_constraints(before, "bioes")


class TestPresets:
    def test_the_default_preset_has_the_figures_of_the_paper(self) -> None:
        config = configure()
        assert config.chars == CharCNNConfig(dim=30, filters=30, window=3, activation="none", dropout=0.5)
        assert config.encoder == EncoderConfig(kind="lstm", layers=1, size=200, dropout_in=0.5, dropout_out=0.5)
        assert (config.head, config.decode.constraints) == (CRFConfig(potentials="shared"), "scheme")
        assert (config.training.learning_rate, config.training.momentum, config.training.clip) == (0.015, 0.9, 5.0)
        assert (config.training.batch_size, config.training.decay) == (10, 0.05)

    @pytest.mark.parametrize("preset", PRESETS)
    def test_a_preset_is_given_unchanged(self, preset: str) -> None:
        assert configure(preset) == PRESETS[preset]

    def test_changing_a_setting_leaves_the_preset_alone(self) -> None:
        configure(settings={"encoder.size": 3})
        assert configure().encoder.size == 200

    def test_an_unknown_preset_is_refused_with_those_there_are(self) -> None:
        with pytest.raises(ConfigError, match=r"^found preset 'pos2'; expected one of: .*\bner\b"):
            configure("pos2")

    def test_a_config_can_not_be_changed(self) -> None:
        with pytest.raises(AttributeError):
            configure().encoder.size = 5  # type: ignore[misc]


class TestToml:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        return tmp_path / "settings.toml"

    def test_a_file_changes_what_it_names_and_settings_win_over_it(self, file: Path) -> None:
        file.write_text('scheme = "IOB2"\n[encoder]\nsize = 50\ndropout_in = 0\n[training]\nepochs = 3\n')
        changed = flat(configure(settings={"training.epochs": "4"}, file=file))
        assert changed == {
            **DEFAULTS,
            "scheme": "IOB2",
            "encoder.size": 50,
            "encoder.dropout_in": 0.0,
            "training.epochs": 4,
        }

    @pytest.mark.parametrize("text", ["encoder.size = 50", '"encoder.size" = 50', "[encoder]\nsize = 50"])
    def test_a_dotted_name_can_be_written_in_each_way_toml_has(self, file: Path, text: str) -> None:
        file.write_text(text)
        assert configure(file=file) == configure(settings={"encoder.size": 50})

    def test_a_byte_order_mark_is_no_part_of_it(self, file: Path) -> None:
        file.write_text("encoder.size = 50", "utf-8-sig")
        assert configure(file=file).encoder.size == 50

    def test_an_empty_file_changes_nothing(self, file: Path) -> None:
        file.write_text("")
        assert configure(file=file) == configure()

    @pytest.mark.parametrize("text", ["[encoder]\nsise = 5", "encoder = 5", "[scheme]\nx = 1", "[[encoder]]\nsize = 5"])
    def test_an_unknown_name_is_refused_with_the_file(self, file: Path, text: str) -> None:
        file.write_text(text)
        with pytest.raises(ConfigError) as caught:
            configure(file=file)
        assert str(caught.value).startswith(f"{file}: found setting ")

    @pytest.mark.parametrize("text", ['encoder.size = "big"', "[encoder.size]\nx = 1", "encoder.size = 1979-05-27"])
    def test_a_wrong_value_is_refused_by_the_name_of_the_setting(self, file: Path, text: str) -> None:
        file.write_text(text)
        with pytest.raises(ConfigError, match=r"^encoder\.size: "):
            configure(file=file)

    @pytest.mark.parametrize("content", [b"encoder.size: 5", b"scheme = 'IO\xff'", b"a = 1\na = 2"])
    def test_what_is_no_toml_is_refused_with_the_file(self, file: Path, content: bytes) -> None:
        file.write_bytes(content)
        with pytest.raises(ConfigError) as caught:
            configure(file=file)
        assert str(caught.value).startswith(f"{file}: not TOML: ")

    def test_a_missing_file_is_named(self, file: Path) -> None:
        with pytest.raises(DataError) as caught:
            configure(file=file)
        assert str(caught.value) == f"{file}: found no such file; expected a TOML file of settings"

    def test_a_folder_is_no_file_of_settings(self, tmp_path: Path) -> None:
        with pytest.raises(DataError) as caught:
            configure(file=tmp_path)
        assert caught.value.source == str(tmp_path)


class TestAssignments:
    def test_words_become_settings(self) -> None:
        words = ["encoder.size=100", " scheme = plain ", "a=b=c", "x="]
        assert parse_assignments(words) == {"encoder.size": "100", "scheme": "plain", "a": "b=c", "x": ""}

    def test_the_last_word_for_a_setting_wins(self) -> None:
        assert parse_assignments(["a=1", "a=2"]) == {"a": "2"}

    def test_a_word_without_an_equals_sign_is_refused(self) -> None:
        with pytest.raises(ConfigError, match=r"found --set 'encoder\.size'; expected name=value"):
            parse_assignments(["encoder.size"])


class TestRoundTrip:
    SOME = st.fixed_dictionaries(
        {},
        optional={
            "scheme": st.sampled_from(["BIOES", "IOB2", "plain"]),
            "words.dim": st.none() | st.integers(1, 65_536),
            "words.lowercase": st.booleans(),
            "chars.window": st.integers(0, 50).map(lambda half: 2 * half + 1),
            "encoder.kind": st.sampled_from(["lstm", "rnn"]),
            "encoder.layers": st.integers(1, 64),
            "head.potentials": st.sampled_from(["shared", "bigram"]),
            "decode.constraints": st.sampled_from(["scheme", "none"]),
            "encoder.dropout_in": st.floats(0, 1, exclude_max=True),
            "training.learning_rate": st.floats(0, exclude_min=True, allow_infinity=False),
            "training.seed": st.integers(0, 2**32 - 1),
        },
    )

    @given(SOME)
    def test_a_config_taken_apart_is_put_together_again(self, changes: dict[str, Any]) -> None:
        config = configure(settings=changes)
        assert flat(config) == {**DEFAULTS, **changes}
        assert from_builtins(msgspec.to_builtins(config)) == config
        assert from_builtins(msgspec.json.decode(msgspec.json.encode(config))) == config

    @pytest.mark.parametrize("settings", [{"chars.kind": "lstm"}, {"chars.kind": "none"}, {"head.kind": "softmax"}])
    def test_a_config_of_other_kinds_is_put_together_again(self, settings: dict[str, Any]) -> None:
        config = configure(settings=settings)
        assert config != configure()
        assert from_builtins(msgspec.to_builtins(config)) == config
        assert from_builtins(msgspec.json.decode(msgspec.json.encode(config))) == config

    @pytest.mark.parametrize("values", [5, None, [], {"no_such_section": {}}, {"encoder": {"sise": 3}}, {"encoder": 3}])
    def test_what_is_no_config_is_refused(self, values: object) -> None:
        with pytest.raises(ConfigError):
            from_builtins(values)


@pytest.mark.parametrize("value", ["inf", "nan", math.inf])
def test_numbers_must_be_finite(value: object) -> None:
    with pytest.raises(ConfigError, match=r"training\.clip: "):
        configure(settings={"training.clip": value})


def test_the_choices_of_a_setting_are_listed() -> None:
    with pytest.raises(ConfigError, match=r"scheme: .*expected one of: IOB1, IOB2, .*BMES, plain"):
        configure(settings={"scheme": "iob2"})
    with pytest.raises(ConfigError, match=r"head\.potentials: .*expected one of: shared, bigram$"):
        configure(settings={"head.potentials": "trigram"})
    with pytest.raises(ConfigError, match=r"^chars\.kind: found 'gru'; expected one of: cnn, lstm, none$"):
        configure(settings={"chars.kind": "gru"})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"training.optimizer": "adam", "training.momentum": 0.5}, "training.optimizer=adam does not have; it belongs"),
        ({"training.decay": 0.1, "training.schedule": "linear"}, "training.schedule=linear does not have; it belongs"),
    ],
)
def test_what_an_optimizer_or_a_schedule_does_not_have_cannot_be_set(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        configure(settings=settings)
    assert configure(settings={"training.momentum": 0.5, "training.decay": 0.1}).training.momentum == 0.5


def test_differences_from_a_preset():
    assert differences(configure("chunk"), "chunk") == {}
    config = configure("chunk", {"chars.kind": "none", "training.seed": 3, "scheme": "IOB2"})
    assert differences(config, "chunk") == {"scheme": "IOB2", "chars.kind": "none", "training.seed": 3}
    assert differences(configure("ner"), "chunk") == {"chars.dropout": 0.5, "encoder.dropout_in": 0.5}
