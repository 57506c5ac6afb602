from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tagsmith.corpora import read_registry
from tests.support.local_server import Server
from tests.support.shell import COMMAND, real, run
from tests.support.tiny_corpus import TEST, TRAIN, write_corpus, write_registry


@pytest.fixture
def registry(tmp_path: Path, server: Server) -> Path:
    """A registry whose ``tiny`` the server offers."""
    server.contents = {"/train": TRAIN.encode(), "/test": TEST.encode()}
    lines = {name: f'url = "{server.url(f"/{name}")}"' for name in ("train", "test")}
    return write_registry(tmp_path / "registry.toml", **lines)


def wait_until(happened: Callable[[], bool]) -> None:
    for _ in range(6000):
        if happened():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen within a minute")


class TestList:
    @pytest.mark.parametrize("words", [[], ["list"]])
    def test_every_data_set_has_a_line(self, words: list[str]):
        result = run("data", *words)
        assert result.code == 0
        names = [line.split()[0] for line in result.out.splitlines()]
        assert names == ["name", *read_registry().entries]

    def test_sizes_and_downloads(self):
        lines = {line.split()[0]: line for line in run("data").out.splitlines()}
        assert "14,041 / 3,250 / 3,453" in lines["conll2003"]
        assert lines["conll2003"].endswith("  no")
        assert lines["wnut17"].endswith("  yes")
        assert "400,000 words" in lines["glove.6B"]

    def test_a_registry_of_ones_own(self, registry: Path):
        last = run("data", "list", "--registry", registry).out.splitlines()
        assert any(line.startswith("tiny  ") and "25 / 1" in line for line in last)


class TestShow:
    def test_all_that_is_known(self):
        out = run("data", "show", "conll2000").out
        for fact in ("CoNLL-2000 chunking", "W00-0726", "8,936", "106,978", "82033cd7a72b2099", "dev: the last tenth"):
            assert fact in out

    def test_what_is_not_known(self):
        result = run("data", "show", "conll2004")
        assert result.code == 1
        assert result.err.startswith("error: found the data set 'conll2004'; expected one of: conll2003, ")


class TestGet:
    def test_it_downloads_checks_and_says_so(self, tmp_path: Path, registry: Path):
        result = run("data", "get", "tiny", "--registry", registry, "--to", tmp_path / "to")
        train, test = (tmp_path / "to" / "tiny" / name for name in ("train.txt", "test.txt"))
        assert (result.code, result.out) == (0, f"{train}\n{test}\n")
        assert result.err == f"{train}: done\n{test}: done\n"
        assert (train.read_text("utf-8"), test.read_text("utf-8")) == (TRAIN, TEST)
        again = run("data", "get", "tiny", "--registry", registry, "--to", tmp_path / "to")
        assert again.err == f"{train}: already there\n{test}: already there\n"
        checked = run("data", "check", "tiny", tmp_path / "to", "--registry", registry)
        assert (checked.code, checked.out) == (
            0,
            f"train: {train}: as expected, to the byte\ntest: {test}: as expected, to the byte\n",
        )

    def test_a_killed_download_goes_on_when_the_command_comes_again(self, tmp_path: Path, server: Server):
        content = TRAIN * 2000
        server.contents = {"/train": content.encode()}
        url = f'url = "{server.url("/train")}"'
        registry = write_registry(tmp_path / "registry.toml", train=url, train_content=content)
        words = ["data", "get", "tiny", "--registry", registry, "--to", tmp_path, "--only", "train"]
        part = tmp_path / "tiny" / ".train.txt.part"
        server.plans = ["hang"]
        process = subprocess.Popen([COMMAND, *map(str, words)])
        try:
            wait_until(lambda: part.is_file() and part.stat().st_size > 0)
        finally:
            process.kill()
            process.wait()
            server.released.set()
        arrived = part.stat().st_size
        assert real(*words).code == 0
        assert server.ranges == [None, f"bytes={arrived}-"]
        assert (tmp_path / "tiny" / "train.txt").read_text("utf-8") == content

    def test_changed_content(self, tmp_path: Path, registry: Path, server: Server):
        server.contents["/train"] = TRAIN.replace("Ann", "Bob").encode()
        result = run("data", "get", "tiny", "--registry", registry, "--to", tmp_path)
        assert result.code == 1
        assert result.err.startswith(f"error: {server.url('/train')}: found the SHA-256 ")
        assert list((tmp_path / "tiny").iterdir()) == []

    def test_what_is_not_downloaded(self, tmp_path: Path):
        result = run("data", "get", "conll2003", "--to", tmp_path)
        assert result.code == 1
        assert result.err.startswith("error: found no download of conll2003 (licence: research only (Reuters)); ")
        assert "trec.nist.gov" in result.err
        assert list(tmp_path.iterdir()) == []


class TestCheck:
    def test_a_count_that_differs(self, tmp_path: Path, registry: Path):
        folder = write_corpus(tmp_path / "mine")
        (folder / "test.txt").write_text(TEST + "Oslo\tB-LOC\n", "utf-8")
        result = run("data", "check", "tiny", folder, "--registry", registry)
        assert result.code == 1
        assert result.out.splitlines()[1] == (
            f"test: {folder / 'test.txt'}: another SHA-256 than ours; "
            "sentences 2, expected 1; tokens 5, expected 4; spans 3, expected 2"
        )

    def test_other_bytes_of_the_same_counts(self, tmp_path: Path, registry: Path):
        (tmp_path / "test.txt").write_text("-DOCSTART- O\n\n" + TEST, "utf-8")
        result = run("data", "check", "tiny", tmp_path / "test.txt", "--registry", registry)
        assert (result.code, result.out) == (
            0,
            f"test: {tmp_path / 'test.txt'}: another SHA-256 than ours; "
            "sentences 1 as expected; tokens 4 as expected; spans 2 as expected\n",
        )

    def test_a_missing_file(self, tmp_path: Path, registry: Path):
        write_corpus(tmp_path).joinpath("train.txt").unlink()
        result = run("data", "check", "tiny", tmp_path, "--registry", registry)
        assert result.code == 1
        assert result.out.startswith("train: not found; looked for train.txt and tiny.train, plain and .gz\ntest: ")

    def test_a_file_of_another_name_needs_its_split(self, tmp_path: Path, registry: Path):
        (tmp_path / "mine").write_text(TRAIN, "utf-8")
        unsaid = run("data", "check", "tiny", tmp_path / "mine", "--registry", registry)
        assert unsaid.code == 2
        assert "say which it is: --only train, --only test" in unsaid.err
        said = run("data", "check", "tiny", tmp_path / "mine", "--only", "train", "--registry", registry)
        assert (said.code, said.out) == (0, f"train: {tmp_path / 'mine'}: as expected, to the byte\n")

    def test_a_missing_place(self, tmp_path: Path):
        result = run("data", "check", "conll2003", tmp_path / "train.txt")
        assert result.code == 1
        assert "train.txt: found no such file; expected a file or folder of conll2003" in result.err
