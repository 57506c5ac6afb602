from __future__ import annotations

import socket
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tagsmith.corpora.http_transfer import discard, fetch
from tagsmith.errors import DataError
from tests.support.local_server import Server

CONTENT = bytes(range(256)) * 1000


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / ".file.part"


def download(server: Server, part: Path, limit: int = len(CONTENT), **others: object) -> None:
    server.contents.setdefault("/file", CONTENT)
    fetch(server.url("/file"), part, limit, pause=0.001, **others)  # type: ignore[arg-type]


class TestWhole:
    def test_the_whole_file_arrives(self, server: Server, part: Path):
        download(server, part)
        assert part.read_bytes() == CONTENT
        assert server.ranges == [None]

    def test_without_a_length(self, server: Server, part: Path):
        server.plans = ["unsized"]
        download(server, part)
        assert part.read_bytes() == CONTENT

    def test_progress_is_reported(self, server: Server, part: Path):
        seen: list[tuple[int, int]] = []
        download(server, part, watch=lambda done, size: seen.append((done, size)))
        assert seen == sorted(seen)
        assert seen[-1] == (len(CONTENT), len(CONTENT))

    def test_a_redirect_to_the_same_machine(self, server: Server, part: Path):
        server.plans = [server.url("/file")]
        download(server, part)
        assert part.read_bytes() == CONTENT


class TestResume:
    def test_a_cut_connection_is_resumed(self, server: Server, part: Path):
        server.plans = ["cut", "cut"]
        said: list[str] = []
        download(server, part, say=said.append)
        assert part.read_bytes() == CONTENT
        assert server.ranges == [None, "bytes=128000-", "bytes=192000-"]
        assert said[0] == "the connection ended after 128,000 of 256,000 bytes; trying again in 0.001 s"

    def test_more_cuts_than_tries_as_long_as_something_new_arrives(self, server: Server, part: Path):
        server.plans = ["cut"] * 10
        download(server, part)
        assert part.read_bytes() == CONTENT

    def test_a_later_call_resumes(self, server: Server, part: Path):
        server.plans = ["cut", "404"]
        with pytest.raises(DataError, match="404"):
            download(server, part)
        download(server, part)
        assert part.read_bytes() == CONTENT
        assert server.ranges[-1] == "bytes=128000-"

    def test_a_server_that_ignores_ranges_sends_all_of_it_again(self, server: Server, part: Path):
        server.plans = ["cut", "whole"]
        download(server, part)
        assert part.read_bytes() == CONTENT

    def test_content_that_changed_starts_again(self, server: Server, part: Path):
        server.plans = ["cut", "404"]
        with pytest.raises(DataError):
            download(server, part)
        server.contents["/file"] = CONTENT[::-1]
        download(server, part)
        assert part.read_bytes() == CONTENT[::-1]
        assert server.ranges[-1] == "bytes=128000-"

    def test_without_a_version_it_starts_again(self, server: Server, part: Path):
        part.write_bytes(b"something else")
        download(server, part)
        assert part.read_bytes() == CONTENT
        assert server.ranges == [None]

    def test_another_range_than_asked_for_starts_again(self, server: Server, part: Path):
        server.plans = ["cut", "shifted"]
        download(server, part)
        assert part.read_bytes() == CONTENT
        assert server.ranges == [None, "bytes=128000-", None]

    def test_a_complete_download_is_not_repeated(self, server: Server, part: Path):
        download(server, part)
        download(server, part)
        assert part.read_bytes() == CONTENT
        assert server.ranges == [None, "bytes=256000-"]

    def test_a_longer_file_than_the_content_starts_again(self, server: Server, part: Path):
        download(server, part)
        part.write_bytes(CONTENT + b"more")
        download(server, part)
        assert part.read_bytes() == CONTENT

    @given(plans=st.lists(st.sampled_from(["cut", "503", "whole", "unnamed", "shifted", "unsized"]), max_size=3))
    @settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_whatever_happens_the_content_is_whole(self, plans: list[str], server: Server, part: Path):
        discard(part)
        server.plans = list(plans)
        download(server, part)
        assert part.read_bytes() == CONTENT
        server.plans = []


class TestErrors:
    def test_a_server_that_is_busy_is_asked_again(self, server: Server, part: Path):
        server.plans = ["503", "429"]
        download(server, part)
        assert part.read_bytes() == CONTENT

    def test_a_server_that_stays_busy(self, server: Server, part: Path):
        server.plans = ["503"] * 9
        with pytest.raises(DataError, match=r"/file: found HTTP status 503 \(Service Unavailable\), 4 times in a row"):
            download(server, part)
        assert len(server.ranges) == 4

    def test_a_missing_file_is_requested_once(self, server: Server, part: Path):
        server.plans = ["404"]
        with pytest.raises(DataError, match=r"/file: found HTTP status 404 \(Not Found\); expected the file"):
            download(server, part)
        assert len(server.ranges) == 1

    def test_no_server(self, part: Path):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        with pytest.raises(DataError, match=rf"http://127\.0\.0\.1:{port}/x: found no connection .*4 times in a row"):
            fetch(f"http://127.0.0.1:{port}/x", part, 10, pause=0.001)

    @pytest.mark.parametrize("plan", ["", "unsized"])
    def test_a_file_over_the_limit_is_not_kept(self, plan: str, server: Server, part: Path):
        server.plans = [plan]
        with pytest.raises(DataError, match=r"bytes or more; expected at most 255,999"):
            download(server, part, len(CONTENT) - 1)
        assert not part.exists()

    def test_an_error_of_the_disk_is_not_retried(self, server: Server, tmp_path: Path):
        with pytest.raises(OSError, match="No such file or directory"):
            download(server, tmp_path / "nowhere" / "part")
        assert len(server.ranges) == 1


class TestAddresses:
    @pytest.mark.parametrize("url", ["http://tiny.example/x", "ftp://tiny.example/x", "file:///etc/hosts"])
    def test_only_https(self, url: str, part: Path):
        with pytest.raises(DataError, match=r"found the address .*; expected one that begins with https://"):
            fetch(url, part, 10)

    @pytest.mark.parametrize("target", ["http://tiny.example/x", "file:///etc/hosts", "ftp://tiny.example/x"])
    def test_redirects_too(self, target: str, server: Server, part: Path):
        server.plans = [target]
        # The standard library itself refuses all but http and ftp.
        with pytest.raises(DataError, match=r"expected one that begins with https://|is not allowed"):
            download(server, part)
        assert not part.exists()
