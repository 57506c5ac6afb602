from __future__ import annotations

import contextlib
import gzip
import io
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith import DataError
from tagsmith.files import (
    check_distinct,
    check_readable,
    check_writable,
    open_bytes,
    read_chunks,
    read_lines,
    replacing,
)


def lines(path: Path | str) -> list[tuple[int, str]]:
    return list(read_lines(path))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file.txt"


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch") / "file.txt"


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def fake_stdin(monkeypatch: pytest.MonkeyPatch, content: bytes) -> io.BytesIO:
    buffer = io.BytesIO(content)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(buffer))
    return buffer


class TestReadLines:
    def test_lines_come_numbered_and_with_their_endings(self, file: Path) -> None:
        file.write_bytes(b"a\r\n\nb \n c")
        assert lines(file) == [(1, "a\r\n"), (2, "\n"), (3, "b \n"), (4, " c")]

    def test_an_empty_file_has_no_lines(self, file: Path) -> None:
        file.write_bytes(b"")
        assert lines(file) == []

    @pytest.mark.parametrize("space", ["\u00a0", "\u3000", "\u2028", "\u2029", "\u0085", "\x0b", "\x0c", "\x1c", "\r"])
    def test_only_a_line_feed_ends_a_line(self, file: Path, space: str) -> None:
        file.write_bytes(f"a{space}b\nc".encode())
        assert lines(file) == [(1, f"a{space}b\n"), (2, "c")]

    def test_a_byte_order_mark_is_taken_off_the_first_line_only_and_once(self, file: Path) -> None:
        file.write_text("\ufeff\ufeffa\n\ufeffb\n", "utf-8")
        assert lines(file) == [(1, "\ufeffa\n"), (2, "\ufeffb\n")]

    @given(st.text(max_size=30))
    def test_lines_put_together_are_the_file(self, scratch: Path, text: str) -> None:
        text = text.replace("\0", "")
        scratch.write_bytes(text.encode())
        read = lines(scratch)
        assert "".join(line for _, line in read) == text.removeprefix("\ufeff")
        assert [number for number, _ in read] == list(range(1, len(read) + 1))

    @pytest.mark.parametrize(
        ("content", "line", "found"),
        [
            (b"a\nb\xffc\n", 2, "byte 0xFF (byte 2 of the line)"),
            (b"\xc3", 1, "byte 0xC3 (byte 1 of the line)"),
            (b"caf\xe9 O\n", 1, "byte 0xE9 (byte 4 of the line)"),
            (b"ok\n\xed\xa0\x80\n", 2, "byte 0xED (byte 1 of the line)"),
            (b"\xef\xbb\xbfa\xff", 1, "byte 0xFF (byte 5 of the line)"),
            (b"a\n\nb\0c\n", 3, "a NUL byte (byte 2 of the line)"),
            (b"\xef\xbb\xbf\0", 1, "a NUL byte (byte 4 of the line)"),
        ],
    )
    def test_a_byte_that_is_no_text_is_named_with_file_line_and_place(
        self, file: Path, content: bytes, line: int, found: str
    ) -> None:
        file.write_bytes(content)
        with pytest.raises(DataError) as caught:
            lines(file)
        assert str(caught.value).startswith(f"{file}:{line}: found {found}; expected UTF-8 text")

    def test_utf_16_is_suspected_behind_a_nul_byte(self, file: Path) -> None:
        file.write_bytes("Jay".encode("utf-16-le"))
        with pytest.raises(DataError, match="UTF-16"):
            lines(file)

    def test_lines_before_a_bad_one_are_given(self, file: Path) -> None:
        file.write_bytes(b"a\n\xff\n")
        reader = read_lines(file)
        assert next(reader) == (1, "a\n")
        with pytest.raises(DataError):
            next(reader)

    def test_a_missing_file_is_named(self, file: Path) -> None:
        with pytest.raises(DataError) as caught:
            lines(file)
        assert str(caught.value) == f"{file}: found no such file; expected a file that exists"

    def test_a_folder_is_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(DataError) as caught:
            lines(tmp_path)
        assert str(caught.value) == f"{tmp_path}: found a folder; expected a file"

    def test_a_name_the_system_refuses_is_an_error_in_the_data(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="File name too long"):
            lines(tmp_path / ("x" * 300))

    def test_a_dash_is_stdin_which_stays_open(self, monkeypatch: pytest.MonkeyPatch) -> None:
        buffer = fake_stdin(monkeypatch, b"\xef\xbb\xbfa\nb")
        assert lines("-") == [(1, "a\n"), (2, "b")]
        assert not buffer.closed

    def test_an_error_in_stdin_names_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        fake_stdin(monkeypatch, b"a\n\xff")
        with pytest.raises(DataError, match=r"^<stdin>:2: found byte 0xFF"):
            lines("-")

    def test_a_pipe_that_can_not_be_read_twice_is_read(self) -> None:
        out, into = os.pipe()
        os.write(into, gzip.compress(b"a\nb\n"))
        os.close(into)
        try:
            assert lines(f"/dev/fd/{out}") == [(1, "a\n"), (2, "b\n")]
        finally:
            os.close(out)


class TestGzip:
    CONTENT = "".join(f"word{i}\tO\n" for i in range(2000)).encode()

    @pytest.mark.parametrize("name", ["file.conll.gz", "file.conll"])
    def test_it_is_known_by_its_bytes_whatever_its_name(self, tmp_path: Path, name: str) -> None:
        path = tmp_path / name
        path.write_bytes(gzip.compress(self.CONTENT))
        assert "".join(line for _, line in read_lines(path)).encode() == self.CONTENT

    def test_a_name_does_not_make_it_one(self, tmp_path: Path) -> None:
        path = tmp_path / "file.gz"
        path.write_bytes(b"plain\n")
        assert lines(path) == [(1, "plain\n")]

    def test_members_one_after_another_are_one_file(self, file: Path) -> None:
        file.write_bytes(gzip.compress(b"a\nb") + gzip.compress(b"c\n"))
        assert lines(file) == [(1, "a\n"), (2, "bc\n")]

    @pytest.mark.parametrize("kept", [2, 12, 500, -9, -4, -1])
    def test_a_truncated_one_is_an_error(self, file: Path, kept: int) -> None:
        file.write_bytes(gzip.compress(self.CONTENT)[:kept])
        with pytest.raises(DataError) as caught:
            lines(file)
        assert str(caught.value).startswith(f"{file}: found a broken gzip file (")

    @pytest.mark.parametrize("place", [3, 600, -6])
    def test_a_damaged_one_is_an_error(self, file: Path, place: int) -> None:
        packed = bytearray(gzip.compress(self.CONTENT))
        packed[place] ^= 0xFF
        file.write_bytes(packed)
        with pytest.raises(DataError):
            lines(file)

    def test_garbage_after_it_is_an_error(self, file: Path) -> None:
        file.write_bytes(gzip.compress(b"a\n") + b"garbage")
        with pytest.raises(DataError, match="broken gzip"):
            lines(file)

    def test_closing_it_closes_the_file_beneath(self, file: Path) -> None:
        file.write_bytes(gzip.compress(b"a\n"))
        before = open_files()
        stream = open_bytes(file)
        assert open_files() == before + 1
        stream.close()
        assert open_files() == before


def test_a_reader_that_is_given_up_closes_its_file(file: Path) -> None:
    file.write_bytes(b"a\nb\n")
    before = open_files()
    reader = read_lines(file)
    next(reader)
    reader.close()  # type: ignore[attr-defined]
    assert open_files() == before


class TestReplacing:
    def test_the_file_is_there_when_the_block_has_ended(self, file: Path) -> None:
        with replacing(file) as temporary:
            temporary.write_text("new")
            assert temporary.parent == file.parent
            assert not file.exists()
        assert file.read_text() == "new"
        assert names(file.parent) == [file.name]

    def test_the_old_file_stays_until_the_new_one_is_whole(self, file: Path) -> None:
        file.write_text("old")
        with replacing(file) as temporary:
            temporary.write_text("new")
            assert file.read_text() == "old"
        assert file.read_text() == "new"

    @pytest.mark.parametrize("error", [ValueError, DataError, KeyboardInterrupt, SystemExit, GeneratorExit])
    def test_an_error_keeps_the_old_file_and_leaves_nothing_behind(
        self, file: Path, error: type[BaseException]
    ) -> None:
        file.write_text("old")
        raised = DataError("this", "that") if error is DataError else error()
        with pytest.raises(error), replacing(file) as temporary:  # noqa: PT012 (the block is what is tested)
            temporary.write_text("half")
            raise raised
        assert file.read_text() == "old"
        assert names(file.parent) == [file.name]

    def test_an_error_without_an_old_file_leaves_none(self, file: Path) -> None:
        with contextlib.suppress(ValueError), replacing(file):
            raise ValueError
        assert names(file.parent) == []

    def test_it_has_the_rights_of_any_new_file(self, file: Path, tmp_path: Path) -> None:
        ordinary = tmp_path / "ordinary"
        ordinary.touch()
        with replacing(file):
            pass
        assert stat.S_IMODE(file.stat().st_mode) == stat.S_IMODE(ordinary.stat().st_mode)

    @pytest.mark.parametrize("name", ["x" * 255, "é" * 127, "日" * 85, "🦆" * 63])
    def test_the_longest_names_can_be_written(self, tmp_path: Path, name: str) -> None:
        with replacing(tmp_path / name) as temporary:
            temporary.write_text("new")
        assert names(tmp_path) == [name]

    def test_a_missing_folder_is_named(self, tmp_path: Path) -> None:
        folder = tmp_path / "none"
        with pytest.raises(DataError) as caught, replacing(folder / "file"):
            pytest.fail("there is nowhere to write to")
        assert caught.value.source == str(folder)

    def test_a_link_stays_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "real").write_text("old")
        (tmp_path / "link").symlink_to(tmp_path / "real")
        with replacing(tmp_path / "link") as temporary:
            temporary.write_text("new")
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "real").read_text() == "new"

    def test_the_mode_of_a_replaced_file_is_kept(self, tmp_path: Path) -> None:
        target = tmp_path / "file"
        target.write_text("old")
        target.chmod(0o640)
        with replacing(target) as temporary:
            temporary.write_text("new")
        assert target.stat().st_mode & 0o777 == 0o640

    def test_a_folder_is_never_replaced(self, tmp_path: Path) -> None:
        folder = tmp_path / "folder"
        folder.mkdir()
        with pytest.raises(DataError, match="found a folder"), replacing(folder) as temporary:
            temporary.write_text("new")
        assert names(tmp_path) == ["folder"]

    def test_a_pipe_is_written_to_and_stays_one(self, tmp_path: Path) -> None:
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        try:
            with replacing(pipe) as path:
                path.write_bytes(b"new")
            assert os.read(reader, 10) == b"new"
        finally:
            os.close(reader)
        assert stat.S_ISFIFO(pipe.stat().st_mode)
        assert names(tmp_path) == ["pipe"]


class TestChecks:
    def test_what_can_be_read_passes(self, file: Path) -> None:
        file.touch()
        check_readable(file)
        check_readable("-")

    def test_a_missing_file_and_a_folder_can_not_be_read(self, file: Path) -> None:
        with pytest.raises(DataError, match="no such file"):
            check_readable(file)
        with pytest.raises(DataError, match="found a folder"):
            check_readable(file.parent)

    def test_what_can_be_written_passes_and_is_not_touched(self, file: Path) -> None:
        check_writable(file)
        assert not file.exists()
        file.write_text("old")
        check_writable(file)
        assert file.read_text() == "old"

    def test_a_folder_and_a_file_in_a_missing_one_can_not_be_written(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="found a folder"):
            check_writable(tmp_path)
        with pytest.raises(DataError, match="no folder that can be written to"):
            check_writable(tmp_path / "none" / "file")

    def test_a_file_beneath_a_file_can_not_be_written(self, file: Path) -> None:
        file.touch()
        with pytest.raises(DataError):
            check_writable(file / "beneath")


class TestChunks:
    @pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 20])
    @pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
    def test_chunks_make_up_the_file_and_how_much_is_read_is_told(
        self, file: Path, size: int, pack: Callable[[bytes], bytes]
    ):
        content = bytes(i % 251 for i in range(1 << 10)) * 3072
        file.write_bytes(pack(content[:size]))
        told: list[tuple[int, int]] = []
        chunks = list(read_chunks(file, lambda done, whole: told.append((done, whole))))
        assert b"".join(chunks) == content[:size]
        assert all(len(chunk) == 1 << 20 for chunk in chunks[:-1])
        assert len(told) == len(chunks)
        assert not told or told[-1] == (file.stat().st_size, file.stat().st_size)

    def test_a_broken_packing_is_an_error(self, file: Path):
        file.write_bytes(gzip.compress(b"x" * 1000)[:-9])
        with pytest.raises(DataError, match="a broken gzip file"):
            list(read_chunks(file))

    def test_the_file_is_closed_after_its_last_chunk_and_when_reading_stops(self, file: Path):
        file.write_bytes(b"x" * (2 << 20))
        before = open_files()
        list(read_chunks(file))
        chunks = read_chunks(file)
        next(chunks)
        del chunks
        assert open_files() == before


class TestDistinct:
    def test_a_place_that_is_an_input_is_an_error_by_any_name(self, file: Path):
        file.write_text("x")
        (file.parent / "link").symlink_to(file)
        for name in (file, str(file), file.parent / "link", file.parent / "." / file.name):
            with pytest.raises(DataError, match="a file that is also read"):
                check_distinct(file, "other", name)

    def test_other_inputs_are_passed_over(self, file: Path):
        check_distinct(file, None, [str(file)], "other", file.with_name("other"))
