from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith import ConfigError, DataError
from tagsmith.config import PRESETS, Config, configure, from_builtins, parse_assignments, setting_names


def flat(config: Config) -> dict[str, Any]:
    values = {}
    for name in setting_names():
        found: Any = config
        for part in name.split("."):
            found = getattr(found, part)
        values[name] = found
    return values


DEFAULTS = flat(Config())


def another(name: str) -> Any:
    """A value the setting can have, other than its default where there is one."""
    match DEFAULTS[name]:
        case bool(value):
            return not value
        case None:
            return 7
        case int(value):
            return value + 2
        case float(value):
            return value / 2 or 0.25
        case str(value):
            return {"scheme": "IOB2"}.get(name, value)
        case value:
            raise AssertionError(f"a setting of a new kind: {name}={value!r}")


every_setting = pytest.mark.parametrize("name", setting_names())


class TestNames:
    def test_settings_have_dotted_names(self) -> None:
        assert {"scheme", "words.dim", "chars.window", "encoder.size", "training.seed"} <= set(setting_names())

    def test_no_name_comes_twice(self) -> None:
        assert len(set(setting_names())) == len(setting_names())


class TestOneSetting:
    @every_setting
    def test_it_takes_a_value_from_python_and_leaves_all_others_alone(self, name: str) -> None:
        changed = flat(configure(settings={name: another(name)}))
        assert changed == {**DEFAULTS, name: another(name)}

    @every_setting
    def test_it_takes_a_word_from_a_shell(self, name: str) -> None:
        word = str(another(name)).lower() if isinstance(another(name), bool) else str(another(name))
        assert configure(settings={name: word}) == configure(settings={name: another(name)})

    @every_setting
    @pytest.mark.parametrize(
        "value", ["no such value", [1], {"a": 1}, object()], ids=lambda value: type(value).__name__
    )
    def test_a_value_of_another_type_is_refused_by_the_name_of_the_setting(self, name: str, value: object) -> None:
        with pytest.raises(ConfigError, match=rf"^{name}: "):
            configure(settings={name: value})

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


class TestPresets:
    def test_the_default_preset_has_the_figures_of_the_paper(self) -> None:
        config = configure()
        assert (config.encoder.size, config.chars.filters, config.chars.window, config.chars.dim) == (200, 30, 3, 30)
        assert (config.training.learning_rate, config.training.momentum, config.training.clip) == (0.015, 0.9, 5.0)
        assert (config.training.batch_size, config.training.decay, config.chars.dropout) == (10, 0.05, 0.5)

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
    with pytest.raises(ConfigError, match=r"head\.potentials: .*expected one of: shared"):
        configure(settings={"head.potentials": "bigram"})
