from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import pytest

from tagsmith.corpora import Registry, read_registry
from tagsmith.corpora.downloading import download
from tagsmith.errors import ConfigError, DataError
from tests.support.local_server import Server
from tests.support.tiny_corpus import TEST, TRAIN, sha256, write_corpus, write_registry


def zipped(members: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


@pytest.fixture
def registry(tmp_path: Path, server: Server) -> Registry:
    """The tiny corpus, with an address for each file."""
    server.contents = {"/train": TRAIN.encode(), "/test.gz": gzip.compress(TEST.encode())}
    train, test = (f'url = "{server.url(path)}"' for path in server.contents)
    return read_registry(write_registry(tmp_path / "registry.toml", train=train, test=test))


def packed_registry(tmp_path: Path, server: Server, content: bytes, sha: str = "") -> Registry:
    """The tiny corpus, with its files as members of one archive."""
    server.contents = {"/tiny.zip": content}
    archive = f"""
[corpora.tiny.archive]
url = "{server.url("/tiny.zip")}"
name = "tiny.zip"
bytes = {len(content)}
sha256 = "{sha or sha256(content)}"
"""
    lines = {"train": 'member = "../../data/train"', "test": 'member = "data/test"'}
    return read_registry(write_registry(tmp_path / "registry.toml", extra=archive, **lines))


def left_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class TestFiles:
    def test_the_files_come_under_their_names_unpacked(self, tmp_path: Path, registry: Registry):
        placed = download("tiny", registry["tiny"], tmp_path / "to")
        folder = tmp_path / "to" / "tiny"
        assert placed == {"train": folder / "train.txt", "test": folder / "test.txt"}
        assert left_in(folder) == {"train.txt": TRAIN.encode(), "test.txt": TEST.encode()}

    def test_what_is_there_and_right_stays(self, tmp_path: Path, registry: Registry, server: Server):
        write_corpus(tmp_path / "tiny", train="tiny.train")
        said: list[str] = []
        placed = download("tiny", registry["tiny"], tmp_path, say=said.append)
        assert placed["train"] == tmp_path / "tiny" / "tiny.train"
        assert said == [f"{path}: already there" for path in placed.values()]
        assert server.ranges == []

    def test_another_file_in_its_place_is_neither_used_nor_replaced(self, tmp_path: Path, registry: Registry):
        write_corpus(tmp_path / "tiny").joinpath("train.txt").write_text("my own", "utf-8")
        with pytest.raises(DataError, match=r"train\.txt: found another file, with the SHA-256 .* or no file, to"):
            download("tiny", registry["tiny"], tmp_path)
        assert (tmp_path / "tiny" / "train.txt").read_text("utf-8") == "my own"

    def test_changed_content_is_not_kept(self, tmp_path: Path, registry: Registry, server: Server):
        changed = TRAIN.replace("Ann7", "Bob7").encode()
        server.contents["/train"] = changed
        with pytest.raises(DataError) as caught:
            download("tiny", registry["tiny"], tmp_path)
        assert str(caught.value) == (
            f"{server.url('/train')}: found the SHA-256 {sha256(changed)}; expected {sha256(TRAIN)}"
        )
        assert left_in(tmp_path / "tiny") == {}

    @pytest.mark.parametrize("more", [10, 5000])
    def test_longer_content_is_not_kept(self, more: int, tmp_path: Path, registry: Registry, server: Server):
        server.contents["/train"] = TRAIN.encode() + b"\n" * more
        with pytest.raises(DataError, match=f"more than {len(TRAIN)} bytes|at most {len(TRAIN) + 1024:,}"):
            download("tiny", registry["tiny"], tmp_path)
        assert left_in(tmp_path / "tiny") == {}

    def test_gzip_that_unpacks_to_more_is_not_kept(self, tmp_path: Path, registry: Registry, server: Server):
        server.contents["/test.gz"] = gzip.compress(b"\n" * 100_000)
        with pytest.raises(DataError, match=f"found more than {len(TEST)} bytes, unpacked"):
            download("tiny", registry["tiny"], tmp_path, ["test"])
        assert left_in(tmp_path / "tiny") == {}

    def test_broken_gzip_is_not_kept(self, tmp_path: Path, registry: Registry, server: Server):
        server.contents["/test.gz"] = server.contents["/test.gz"][:-4]
        with pytest.raises(DataError, match="found a broken gzip file"):
            download("tiny", registry["tiny"], tmp_path, ["test"])
        assert left_in(tmp_path / "tiny") == {}

    def test_a_download_cut_off_goes_on_the_next_time(self, tmp_path: Path, registry: Registry, server: Server):
        server.plans = ["cut", "404"]
        with pytest.raises(DataError, match="404"):
            download("tiny", registry["tiny"], tmp_path, ["train"], pause=0.001)
        assert not (tmp_path / "tiny" / "train.txt").exists()
        download("tiny", registry["tiny"], tmp_path, ["train"])
        assert left_in(tmp_path / "tiny") == {"train.txt": TRAIN.encode()}
        assert server.ranges[-1] == f"bytes={len(TRAIN) // 2}-"

    def test_what_has_arrived_stays_when_unpacking_is_cut_off(
        self, tmp_path: Path, registry: Registry, server: Server, monkeypatch: pytest.MonkeyPatch
    ):
        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr("tagsmith.corpora.downloading._write_verified", interrupt)
            with pytest.raises(KeyboardInterrupt):
                download("tiny", registry["tiny"], tmp_path, ["train"])
        download("tiny", registry["tiny"], tmp_path, ["train"])
        assert server.ranges == [None, f"bytes={len(TRAIN)}-"]
        assert left_in(tmp_path / "tiny") == {"train.txt": TRAIN.encode()}

    def test_only_some(self, tmp_path: Path, registry: Registry):
        assert list(download("tiny", registry["tiny"], tmp_path, ["test"])) == ["test"]
        assert list(left_in(tmp_path / "tiny")) == ["test.txt"]

    def test_an_unknown_split(self, tmp_path: Path, registry: Registry):
        with pytest.raises(ConfigError, match="found the split or file 'dev'; expected one of: train, test"):
            download("tiny", registry["tiny"], tmp_path, ["dev"])

    def test_without_a_download_the_error_says_how_to_get_the_files(self, tmp_path: Path):
        registry = read_registry(write_registry(tmp_path / "r.toml"))
        with pytest.raises(DataError) as caught:
            download("tiny", registry["tiny"], tmp_path / "to")
        assert str(caught.value) == (
            "found no download of tiny (licence: CC0-1.0); "
            "expected files of your own. Write it yourself. Then: tagsmith data check tiny FOLDER"
        )
        assert not (tmp_path / "to").exists()

    def test_a_folder_that_can_not_be_made(self, tmp_path: Path, registry: Registry):
        (tmp_path / "tiny").touch()
        with pytest.raises(DataError, match="expected a folder that can be made"):
            download("tiny", registry["tiny"], tmp_path)


MEMBERS = {"../../data/train": TRAIN, "data/test": TEST, "../../evil.txt": "evil"}


class TestArchive:
    def test_only_the_named_members_come_out_and_never_by_their_paths(self, tmp_path: Path, server: Server):
        registry = packed_registry(tmp_path, server, zipped(MEMBERS))
        download("tiny", registry["tiny"], tmp_path / "a" / "b")
        left = left_in(tmp_path / "a" / "b" / "tiny")
        assert left.keys() == {"tiny.zip", "train.txt", "test.txt"}
        assert left["train.txt"] == TRAIN.encode()
        assert [path.name for path in tmp_path.rglob("*") if path.name in ("evil.txt", "train", "data")] == []

    def test_it_is_fetched_once(self, tmp_path: Path, server: Server):
        registry = packed_registry(tmp_path, server, zipped(MEMBERS))
        download("tiny", registry["tiny"], tmp_path, ["train"])
        download("tiny", registry["tiny"], tmp_path)
        assert server.ranges == [None]

    def test_a_changed_archive_is_not_kept(self, tmp_path: Path, server: Server):
        registry = packed_registry(tmp_path, server, zipped(MEMBERS), sha="0" * 64)
        with pytest.raises(DataError, match=rf"tiny\.zip: found the SHA-256 .*; expected {'0' * 64}"):
            download("tiny", registry["tiny"], tmp_path)
        assert left_in(tmp_path / "tiny") == {}

    def test_a_changed_archive_that_was_there_is_not_used(self, tmp_path: Path, server: Server):
        registry = packed_registry(tmp_path, server, zipped(MEMBERS))
        (tmp_path / "tiny").mkdir()
        (tmp_path / "tiny" / "tiny.zip").write_bytes(zipped({"data/test": "evil"}))
        with pytest.raises(DataError, match=r"tiny\.zip: found the SHA-256"):
            download("tiny", registry["tiny"], tmp_path)
        assert list(left_in(tmp_path / "tiny")) == ["tiny.zip"]

    def test_a_member_that_is_not_there(self, tmp_path: Path, server: Server):
        registry = packed_registry(tmp_path, server, zipped({"data/test": TEST}))
        with pytest.raises(DataError, match=r"found no such file in the archive; expected \.\./\.\./data/train"):
            download("tiny", registry["tiny"], tmp_path)

    def test_a_member_of_other_content_is_not_kept(self, tmp_path: Path, server: Server):
        registry = packed_registry(tmp_path, server, zipped({**MEMBERS, "data/test": TEST.replace("Paris", "Porto")}))
        with pytest.raises(DataError, match=r"tiny\.zip: data/test: found the SHA-256"):
            download("tiny", registry["tiny"], tmp_path, ["test"])
        assert list(left_in(tmp_path / "tiny")) == ["tiny.zip"]

    def test_an_archive_that_is_no_zip(self, tmp_path: Path, server: Server):
        registry = packed_registry(tmp_path, server, b"not a zip")
        with pytest.raises(DataError, match=r"tiny\.zip: found a broken zip file .*; expected a whole one"):
            download("tiny", registry["tiny"], tmp_path)
