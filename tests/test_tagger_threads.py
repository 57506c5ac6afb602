"""A Tagger that many threads share, or the children of a fork."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from importlib.resources import files
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest

from tagsmith import Sentence, Tagged, Tagger, formats

DEMO = Path(str(files("tagsmith") / "demo"))
THREADS = 8
IN_TIME = 60.0  # seconds after which a child hangs

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
# Since Python 3.12 such a fork warns, as it is unsafe for other libraries; for tagsmith it is what is tested.
may_fork = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")


@pytest.fixture(scope="module")
def sentences() -> list[Sentence]:
    return list(formats.read(DEMO / "test.conll"))


@pytest.fixture(scope="module")
def texts(sentences: list[Sentence]) -> list[str]:
    """Texts of one to three sentences."""
    lines = [" ".join(sentence.tokens) for sentence in sentences]
    return [" ".join(lines[i : i + 1 + i % 3]) for i in range(len(lines))]


@pytest.fixture(scope="module")
def tagger(tiny_model_path: Path) -> Tagger:
    return Tagger.load(tiny_model_path)


@pytest.fixture(scope="module")
def expected(tiny_model_path: Path, texts: list[str]) -> list[Tagged]:
    """The answers of another Tagger of the same file, one text after another."""
    alone = Tagger.load(tiny_model_path)
    answers = [alone.tag(text) for text in texts]
    assert sum(len(answer.spans) for answer in answers) > 20
    return answers


@pytest.fixture
def impatient() -> Iterator[None]:
    """Make threads switch as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("impatient")
class TestThreads:
    def test_each_thread_gets_the_answers_to_its_own_texts(
        self, tagger: Tagger, texts: list[str], expected: list[Tagged]
    ):
        together = threading.Barrier(THREADS)

        def tag(thread: int) -> list[Tagged]:
            mine = texts[thread::THREADS]
            together.wait(IN_TIME)
            return [tagger.tag(text) for text in mine]

        with ThreadPoolExecutor(THREADS) as pool:
            for thread, answers in enumerate(pool.map(tag, range(THREADS))):
                assert answers == expected[thread::THREADS]

    def test_each_thread_can_draw_from_a_lazy_iterator_of_its_own(
        self, tagger: Tagger, texts: list[str], expected: list[Tagged], monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr("tagsmith.tagging._WINDOW", 200)
        together = threading.Barrier(THREADS)

        def tag(thread: int) -> list[Tagged]:
            together.wait(IN_TIME)
            return list(tagger.tag(texts[thread:]))

        with ThreadPoolExecutor(THREADS) as pool:
            for thread, answers in enumerate(pool.map(tag, range(THREADS))):
                assert answers == expected[thread:]

    @pytest.mark.parametrize("threads", [1, 2, 5])
    def test_answers_and_their_order_do_not_depend_on_the_threads(
        self,
        threads: int,
        texts: list[str],
        expected: list[Tagged],
        tiny_model_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ):
        monkeypatch.setattr("tagsmith.tagging._WINDOW", 200)
        monkeypatch.setattr("tagsmith.tagging._BATCH", 40)
        decoders: set[int] = set()
        tagger = Tagger.load(tiny_model_path, threads=threads)
        chain = tagger._engine.chain

        def noted(batch: Any) -> Any:
            decoders.add(threading.get_ident())
            time.sleep(0.001)  # so that the others get a turn
            return chain(batch)

        monkeypatch.setattr(tagger._engine, "chain", noted)
        assert list(tagger.tag(texts)) == expected
        assert len(decoders) == threads
        assert (threading.get_ident() in decoders) == (threads == 1)

    def test_threads_can_tag_evaluate_save_and_ask_for_other_schemes_at_once(
        self, tagger: Tagger, sentences: list[Sentence], tiny_model_path: Path, tmp_path: Path
    ):
        alone = Tagger.load(tiny_model_path)
        tasks: list[Callable[[Tagger, int], object]] = [
            lambda tagger, _: tagger.evaluate(sentences),
            lambda tagger, _: list(tagger.tag(sentences, scheme="BIOES")),
            lambda tagger, _: list(tagger.tag(sentences, scheme="IOB1")),
            lambda tagger, i: (tagger.save(tmp_path / f"{i}"), (tmp_path / f"{i}").read_bytes())[1],
        ]
        with ThreadPoolExecutor(THREADS) as pool:
            futures = [(task, pool.submit(task, tagger, i)) for i in range(3) for task in tasks]
            for task, future in futures:
                assert future.result(IN_TIME) == task(alone, -1)


def test_lazy_iterators_of_one_tagger_can_be_drawn_from_in_turns(
    tagger: Tagger, texts: list[str], expected: list[Tagged], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tagsmith.tagging._WINDOW", 50)
    starts = (0, 1, 17, 60)
    rows = list(zip_longest(*(tagger.tag(texts[start:]) for start in starts)))
    for start, column in zip(starts, zip(*rows, strict=True), strict=True):
        assert [answer for answer in column if answer is not None] == expected[start:]


def test_an_input_can_come_from_an_answer_of_the_same_tagger(tagger: Tagger, texts: list[str], expected: list[Tagged]):
    inner = (answer.text for answer in tagger.tag(texts))
    assert list(tagger.tag(inner)) == expected


def child_tags(tagger: Tagger, texts: list[str], expected: list[Tagged]) -> int:
    """Fork a child that tags, and give its process id; it exits with 0 if its answers are right."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if [tagger.tag(text) for text in texts] == expected else 1)
        finally:
            os._exit(2)
    return child


def exit_code(child: int) -> int:
    deadline = time.monotonic() + IN_TIME
    while time.monotonic() < deadline:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(child, 9)
    os.waitpid(child, 0)
    raise TimeoutError("the child hangs")


@forks
@may_fork
class TestFork:
    def test_parent_and_children_give_the_same_answers(self, tagger: Tagger, texts: list[str], expected: list[Tagged]):
        children = [child_tags(tagger, texts, expected) for _ in range(2)]
        assert [tagger.tag(text) for text in texts] == expected
        assert [exit_code(child) for child in children] == [0, 0]

    def test_a_lazy_iterator_goes_on_in_both(
        self, tagger: Tagger, texts: list[str], expected: list[Tagged], monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr("tagsmith.tagging._WINDOW", 50)
        answers = tagger.tag(texts)
        first = [next(answers) for _ in range(10)]
        child = os.fork()
        if child == 0:
            try:
                os._exit(0 if first + list(answers) == expected else 1)
            finally:
                os._exit(2)
        assert first + list(answers) == expected
        assert exit_code(child) == 0

    def test_children_forked_while_other_threads_tag(self, tagger: Tagger, texts: list[str], expected: list[Tagged]):
        done = threading.Event()

        def tag() -> bool:
            right = True
            while right and not done.is_set():
                right = list(tagger.tag(texts)) == expected
            return right

        with ThreadPoolExecutor(2) as pool:
            threads = [pool.submit(tag) for _ in range(2)]
            try:
                for _ in range(10):
                    assert exit_code(child_tags(tagger, texts[:10], expected[:10])) == 0
            finally:
                done.set()
            assert all(thread.result(IN_TIME) for thread in threads)

    def test_a_pool_of_forked_processes(self, tagger: Tagger, texts: list[str], expected: list[Tagged]):
        context = multiprocessing.get_context("fork")
        with context.Pool(2, initializer=hold, initargs=(tagger,)) as pool:
            assert pool.map(tag_with_held, texts, chunksize=10) == expected
            pool.close()
            pool.join()


SHARED = """
import os, sys, threading, time
import numpy as np
from tests.support.handmade import random_model
from tagsmith import Tagger

sizes = {"words.dim": 50, "chars.dim": 30, "chars.filters": 30, "encoder.size": 100}
tagger = Tagger(random_model(0, scale=0.2, settings=sizes))
sentences = [[f"word{i * k % 40}" for i in range(30)] for k in range(20)]
expected = list(tagger.tag(sentences))

def tag():
    while True:
        list(tagger.tag(sentences))

for _ in range(2):
    threading.Thread(target=tag, daemon=True).start()
end = time.monotonic() + 2
while time.monotonic() < end:
    child = os.fork()
    if child == 0:
        os._exit(int(list(tagger.tag(sentences)) != expected))
    if os.waitpid(child, 0)[1]:
        os._exit(1)
os._exit(0)
"""


@forks
def test_forks_while_products_run_on_threads_of_openblas():
    """Run in a new process: OpenBLAS reads its number of threads once, when it is loaded."""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "2", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", SHARED]
    assert subprocess.run(command, env=environment, timeout=IN_TIME).returncode == 0


def hold(tagger: Tagger) -> None:
    """Keep a process's tagger for ``tag_with_held``."""
    global held
    held = tagger


def load_and_hold(path: Path) -> None:
    hold(Tagger.load(path))


def tag_with_held(text: str) -> Tagged:
    return held.tag(text)


held: Tagger


def test_a_pool_of_spawned_processes_loads_by_path(tiny_model_path: Path, texts: list[str], expected: list[Tagged]):
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context, initializer=load_and_hold, initargs=(tiny_model_path,)) as pool:
        assert list(pool.map(tag_with_held, texts, chunksize=24)) == expected
