from __future__ import annotations

from pathlib import Path

import pytest

from tagsmith.errors import DataError
from tagsmith.serve.keys import ApiKeys

KEY = "0123456789abcdef-key"


def test_a_variable_for_keys_that_holds_none_is_an_error():
    with pytest.raises(DataError, match=r"^TAGSMITH_API_KEYS: found no keys; expected at least one, or neither"):
        ApiKeys.read(None, {"TAGSMITH_API_KEYS": " "})
    assert not ApiKeys.read(None, {})


def test_keys_come_from_a_file_or_the_environment(tmp_path: Path):
    file = tmp_path / "keys"
    file.write_text(f"{KEY}\n")
    both = ApiKeys.read(file, {"TAGSMITH_API_KEYS": "0" * 16})
    assert both.allow(f"Bearer {KEY}".encode())
    assert not both.allow(b"Bearer " + b"0" * 16)  # the file alone counts
    assert not ApiKeys.read(None, {})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "no keys"),
        ("# none\n", "no keys"),
        ("\nshort\n", ":2: found a key of 5 characters"),
        ("x" * 15 + "é", "a key of 16 characters"),
    ],
)
def test_a_bad_file_is_an_error_that_shows_no_key(tmp_path: Path, text: str, found: str):
    file = tmp_path / "keys"
    file.write_text(text, "utf-8")
    with pytest.raises(DataError, match=found) as caught:
        ApiKeys.read(file, {})
    assert "short" not in str(caught.value)
