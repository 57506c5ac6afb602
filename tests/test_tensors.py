from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from tagsmith.errors import DataError
from tagsmith.tensors import map_tensors, pack_strings, ranges, unpack_strings, write_tensors

ARRAYS = {
    "floats": np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4),
    "longs": np.array([-(2**62), 0, 2**62], np.int64),
    "ints": np.array([[-(2**31), 2**31 - 1]], np.int32),
    "bytes": np.arange(256, dtype=np.uint8),
}


def test_arrays_come_back_with_their_types_shapes_and_values(tmp_path: Path):
    write_tensors(tmp_path / "a", ARRAYS, "{}", "key")
    arrays, _ = map_tensors(tmp_path / "a", "key")
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        assert arrays[name].shape == array.shape
        assert arrays[name].tobytes() == array.tobytes()


@pytest.mark.parametrize("document", ["x", '{"a": "\\u00e9\\n\\""}', "é 😀 \u2028 \\"])
def test_the_text_comes_back_under_its_key(tmp_path: Path, document: str):
    write_tensors(tmp_path / "a", ARRAYS, document, "key")
    assert map_tensors(tmp_path / "a", "key")[1] == document


def test_another_key_has_no_text(tmp_path: Path):
    write_tensors(tmp_path / "a", ARRAYS, "text", "key")
    assert map_tensors(tmp_path / "a", "other")[1] == ""


def test_a_file_without_metadata_has_no_text(tmp_path: Path):
    save_file({"x": ARRAYS["floats"]}, tmp_path / "a")
    assert map_tensors(tmp_path / "a", "key")[1] == ""


@pytest.mark.parametrize("shape", [(0,), (0, 7), (3, 0)])
def test_an_empty_array_keeps_its_shape(tmp_path: Path, shape: tuple[int, ...]):
    write_tensors(tmp_path / "a", {"empty": np.zeros(shape, np.float32), "one": np.ones(1, np.float32)}, "", "key")
    arrays, _ = map_tensors(tmp_path / "a", "key")
    assert arrays["empty"].shape == shape
    assert arrays["one"].tolist() == [1.0]


def test_an_array_that_is_not_contiguous_is_written_by_its_values(tmp_path: Path):
    write_tensors(tmp_path / "a", {"x": ARRAYS["floats"].T, "y": ARRAYS["longs"][::2]}, "", "key")
    arrays, _ = map_tensors(tmp_path / "a", "key")
    assert arrays["x"].tolist() == ARRAYS["floats"].T.tolist()
    assert arrays["y"].tolist() == [-(2**62), 2**62]


def test_the_order_of_the_arrays_does_not_change_the_bytes(tmp_path: Path):
    write_tensors(tmp_path / "a", ARRAYS, "text", "key")
    write_tensors(tmp_path / "b", dict(reversed(ARRAYS.items())), "text", "key")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_arrays_are_mapped_and_read_only_but_plain(tmp_path: Path):
    write_tensors(tmp_path / "a", ARRAYS, "", "key")
    for array in map_tensors(tmp_path / "a", "key")[0].values():
        assert type(array) is np.ndarray
        assert isinstance(array.base, np.memmap)
        assert not array.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_mapped_arrays_outlive_a_new_file_at_their_path(tmp_path: Path):
    write_tensors(tmp_path / "a", {"x": np.ones(5000, np.float32)}, "", "key")
    before = map_tensors(tmp_path / "a", "key")[0]["x"]
    write_tensors(tmp_path / "a", {"x": np.zeros(3, np.float32)}, "", "key")
    assert before.sum() == 5000
    assert map_tensors(tmp_path / "a", "key")[0]["x"].tolist() == [0, 0, 0]


def test_no_other_file_is_left_behind(tmp_path: Path):
    write_tensors(tmp_path / "a", ARRAYS, "", "key")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_missing_folder_is_an_error_to_write_to(tmp_path: Path):
    with pytest.raises(DataError, match="nowhere"):
        write_tensors(tmp_path / "nowhere" / "a", ARRAYS, "", "key")


def test_a_full_disk_is_an_error_with_path_and_reason_and_leaves_the_old_file(tmp_path: Path):
    resource = pytest.importorskip("resource")
    (tmp_path / "a").write_text("old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(
            DataError, match=r"a: found an error while writing \(.*too large.*\); expected room for 0.8 MB"
        ):
            write_tensors(tmp_path / "a", {"x": np.zeros(100_000)}, "", "key")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a", "old")]


def test_a_missing_file_is_an_error(tmp_path: Path):
    with pytest.raises(DataError) as caught:
        map_tensors(tmp_path / "none", "key")
    assert (caught.value.found, caught.value.source) == ("no such file", str(tmp_path / "none"))


def test_a_folder_is_no_file(tmp_path: Path):
    with pytest.raises(DataError, match="found a folder; expected a safetensors file"):
        map_tensors(tmp_path, "key")


def test_every_cut_is_an_error(tmp_path: Path):
    write_tensors(tmp_path / "a", {"x": np.arange(3, dtype=np.float32)}, "text", "key")
    whole = (tmp_path / "a").read_bytes()
    for length in range(len(whole)):
        (tmp_path / "b").write_bytes(whole[:length])
        with pytest.raises(DataError, match="a damaged or foreign file"):
            map_tensors(tmp_path / "b", "key")


def test_more_bytes_than_the_header_says_are_an_error(tmp_path: Path):
    write_tensors(tmp_path / "a", ARRAYS, "text", "key")
    with (tmp_path / "a").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(DataError, match="a damaged or foreign file"):
        map_tensors(tmp_path / "a", "key")


def test_tensors_that_leave_bytes_unused_are_an_error(tmp_path: Path):
    header = json.dumps({"x": {"dtype": "U8", "shape": [1], "data_offsets": [1, 2]}}).encode()
    (tmp_path / "a").write_bytes(len(header).to_bytes(8, "little") + header + b"\0\0")
    with pytest.raises(DataError, match="a damaged or foreign file"):
        map_tensors(tmp_path / "a", "key")


def test_a_type_the_package_never_writes_is_an_error_that_names_it(tmp_path: Path):
    save_file({"wide": np.zeros(2, np.int16)}, tmp_path / "a")
    with pytest.raises(DataError, match="tensor 'wide' of type I16; expected F64 F32 F16 I64 I32 U8"):
        map_tensors(tmp_path / "a", "key")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.characters(codec=None))))
def test_packed_strings_come_back(strings: list[str]):
    data, offsets = pack_strings(strings)
    assert (data.dtype, offsets.dtype, len(offsets)) == (np.uint8, np.int64, len(strings) + 1)
    assert unpack_strings(data, offsets) == strings


def test_packed_strings_are_utf8_one_after_another():
    data, offsets = pack_strings(["é", "", "ab"])
    assert data.tobytes() == "éab".encode()
    assert offsets.tolist() == [0, 2, 2, 4]


@pytest.mark.parametrize(
    "offsets", [[], [0], [1, 4], [0, 3], [0, 5], [0, 3, 2, 4], [0, -1, 4]], ids=lambda offsets: str(offsets)
)
def test_offsets_that_do_not_fit_the_bytes_are_an_error(offsets: list[int]):
    with pytest.raises(ValueError, match="offsets do not fit the bytes"):
        unpack_strings(np.zeros(4, np.uint8), np.array(offsets, np.int64))


def test_offsets_inside_a_character_are_an_error():
    with pytest.raises(ValueError, match="offsets stand inside characters"):
        unpack_strings(np.frombuffer("é".encode(), np.uint8), np.array([0, 1, 2]))


def test_bytes_that_are_not_utf8_are_an_error():
    with pytest.raises(UnicodeDecodeError):
        unpack_strings(np.frombuffer(b"\xff", np.uint8), np.array([0, 1]))


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 6))))
def test_ranges_are_those_of_python_one_after_another(pairs: list[tuple[int, int]]) -> None:
    starts, lengths = (np.array([pair[i] for pair in pairs], np.int64) for i in (0, 1))
    assert ranges(starts, lengths).tolist() == [i for start, n in pairs for i in range(start, start + n)]
