from __future__ import annotations

import copy
import pickle

import pytest

from tagsmith import ConfigError, DataError, MissingExtra, ModelFileError, TagsmithError

EXAMPLES = [
    DataError("an odd thing", "another one", source="a.conll", line=3),
    ConfigError("encoder.size: expected `int`, got `str`"),
    ModelFileError("m.safetensors: damaged"),
    MissingExtra("PyTorch", "train"),
]


@pytest.mark.parametrize(
    ("source", "line", "place"),
    [("a.conll", 3, "a.conll:3: "), ("a.conll", None, "a.conll: "), ("", 3, "3: "), ("", None, "")],
)
def test_data_error_says_place_found_and_expected(source: str, line: int | None, place: str) -> None:
    error = DataError("1 column", "2 columns", source=source, line=line)
    assert str(error) == f"{place}found 1 column; expected 2 columns"


def test_data_error_keeps_its_parts() -> None:
    error = DataError("this", "that", source="x", line=7)
    assert (error.found, error.expected, error.source, error.line) == ("this", "that", "x", 7)


def test_missing_extra_says_how_to_install_it() -> None:
    expected = "PyTorch is not installed; install it with: pip install 'tagsmith[train]'"
    assert str(MissingExtra("PyTorch", "train")) == expected


def test_missing_extra_is_an_import_error() -> None:
    with pytest.raises(ImportError):
        raise MissingExtra("PyTorch", "train")


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_the_root_catches_every_error(error: TagsmithError) -> None:
    with pytest.raises(TagsmithError):
        raise error


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("duplicate", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
def test_errors_cross_processes_whole(error: TagsmithError, duplicate) -> None:
    other = duplicate(error)
    assert type(other) is type(error)
    assert str(other) == str(error)
    assert other.__dict__ == error.__dict__
