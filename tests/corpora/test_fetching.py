from __future__ import annotations

import socket
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tagsmith.corpora.fetching import discard, fetch
from tagsmith.errors import DataError
from tests.support.local_server import Server

CONTENT = bytes(range(256)) * 1000


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / ".file.part"


def bring(server: Server, part: Path, limit: int = len(CONTENT), **others: object) -> None:
    server.contents.setdefault("/file", CONTENT)
    fetch(server.url("/file"), part, limit, pause=0.001, **others)  # type: ignore[arg-type]


class TestWhole:
    def test_what_the_server_has_arrives(self, server: Server, part: Path):
        bring(server, part)
        assert part.read_bytes() == CONTENT
        assert server.ranges == [None]

    def test_without_a_length(self, server: Server, part: Path):
        server.plans = ["unsized"]
        bring(server, part)
        assert part.read_bytes() == CONTENT

    def test_it_tells_how_far_it_is(self, server: Server, part: Path):
        seen: list[tuple[int, int]] = []
        bring(server, part, watch=lambda done, size: seen.append((done, size)))
        assert seen == sorted(seen)
        assert seen[-1] == (len(CONTENT), len(CONTENT))

    def test_a_redirect_to_the_same_machine(self, server: Server, part: Path):
        server.plans = [server.url("/file")]
        bring(server, part)
        assert part.read_bytes() == CONTENT


class TestResume:
    def test_a_cut_connection_goes_on_where_it_ended(self, server: Server, part: Path):
        server.plans = ["cut", "cut"]
        said: list[str] = []
        bring(server, part, say=said.append)
        assert part.read_bytes() == CONTENT
        assert server.ranges == [None, "bytes=128000-", "bytes=192000-"]
        assert said[0] == "the connection ended after 128,000 of 256,000 bytes; trying again in 0.001 s"

    def test_more_cuts_than_tries_as_long_as_something_new_arrives(self, server: Server, part: Path):
        server.plans = ["cut"] * 10
        bring(server, part)
        assert part.read_bytes() == CONTENT

    def test_a_later_call_goes_on(self, server: Server, part: Path):
        server.plans = ["cut", "404"]
        with pytest.raises(DataError, match="404"):
            bring(server, part)
        bring(server, part)
        assert part.read_bytes() == CONTENT
        assert server.ranges[-1] == "bytes=128000-"

    def test_a_server_that_ignores_ranges_sends_all_of_it_again(self, server: Server, part: Path):
        server.plans = ["cut", "whole"]
        bring(server, part)
        assert part.read_bytes() == CONTENT

    def test_content_that_changed_meanwhile_begins_anew(self, server: Server, part: Path):
        server.plans = ["cut", "404"]
        with pytest.raises(DataError):
            bring(server, part)
        server.contents["/file"] = CONTENT[::-1]
        bring(server, part)
        assert part.read_bytes() == CONTENT[::-1]
        assert server.ranges[-1] == "bytes=128000-"

    def test_without_a_name_for_the_content_it_begins_anew(self, server: Server, part: Path):
        part.write_bytes(b"something else")
        bring(server, part)
        assert part.read_bytes() == CONTENT
        assert server.ranges == [None]

    def test_another_range_than_asked_for_begins_anew(self, server: Server, part: Path):
        server.plans = ["cut", "shifted"]
        bring(server, part)
        assert part.read_bytes() == CONTENT
        assert server.ranges == [None, "bytes=128000-", None]

    def test_all_of_it_was_there(self, server: Server, part: Path):
        bring(server, part)
        bring(server, part)
        assert part.read_bytes() == CONTENT
        assert server.ranges == [None, "bytes=256000-"]

    def test_more_than_all_of_it_was_there(self, server: Server, part: Path):
        bring(server, part)
        part.write_bytes(CONTENT + b"more")
        bring(server, part)
        assert part.read_bytes() == CONTENT

    @given(plans=st.lists(st.sampled_from(["cut", "503", "whole", "unnamed", "shifted", "unsized"]), max_size=3))
    @settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_whatever_happens_the_content_is_whole(self, plans: list[str], server: Server, part: Path):
        discard(part)
        server.plans = list(plans)
        bring(server, part)
        assert part.read_bytes() == CONTENT
        server.plans = []


class TestFaults:
    def test_a_server_that_is_busy_is_asked_again(self, server: Server, part: Path):
        server.plans = ["503", "429"]
        bring(server, part)
        assert part.read_bytes() == CONTENT

    def test_a_server_that_stays_busy(self, server: Server, part: Path):
        server.plans = ["503"] * 9
        with pytest.raises(DataError, match=r"/file: found HTTP status 503 \(Service Unavailable\), 4 times in a row"):
            bring(server, part)
        assert len(server.ranges) == 4

    def test_a_file_that_is_not_there_is_asked_for_once(self, server: Server, part: Path):
        server.plans = ["404"]
        with pytest.raises(DataError, match=r"/file: found HTTP status 404 \(Not Found\); expected the file"):
            bring(server, part)
        assert len(server.ranges) == 1

    def test_no_server(self, part: Path):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        with pytest.raises(DataError, match=rf"http://127\.0\.0\.1:{port}/x: found no connection .*4 times in a row"):
            fetch(f"http://127.0.0.1:{port}/x", part, 10, pause=0.001)

    @pytest.mark.parametrize("plan", ["", "unsized"])
    def test_more_than_there_may_be_is_not_kept(self, plan: str, server: Server, part: Path):
        server.plans = [plan]
        with pytest.raises(DataError, match=r"bytes or more; expected 255,999 at most"):
            bring(server, part, len(CONTENT) - 1)
        assert not part.exists()

    def test_a_fault_of_the_disk_is_none_of_the_network(self, server: Server, tmp_path: Path):
        with pytest.raises(OSError, match="No such file or directory"):
            bring(server, tmp_path / "nowhere" / "part")
        assert len(server.ranges) == 1


class TestWay:
    @pytest.mark.parametrize("url", ["http://tiny.example/x", "ftp://tiny.example/x", "file:///etc/hosts"])
    def test_only_https(self, url: str, part: Path):
        with pytest.raises(DataError, match=r"found the address .*; expected one that begins with https://"):
            fetch(url, part, 10)

    @pytest.mark.parametrize("target", ["http://tiny.example/x", "file:///etc/hosts", "ftp://tiny.example/x"])
    def test_no_redirect_leads_elsewhere(self, target: str, server: Server, part: Path):
        server.plans = [target]
        # What is neither http nor ftp the standard library refuses itself.
        with pytest.raises(DataError, match=r"expected one that begins with https://|is not allowed"):
            bring(server, part)
        assert not part.exists()
