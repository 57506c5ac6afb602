from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tagsmith import Tagger
from tagsmith.serve.micro_batches import MicroBatches
from tagsmith.serve.tag_inputs import TagInput
from tagsmith.text import Tagged
from tests.support.running import Running

WORDS = ["Jay", "India", "Mira", "Okafor", "New", "South", "Wales", "and", "left", "word1", "word7", "word12", "x"]


def test_an_answer_does_not_depend_on_its_batch(service: Running, model_files: Path):
    """Many different requests at once share batches. Each is compared bitwise with the text tagged alone."""
    tagger = Tagger.load(model_files / "random.safetensors", threads=1)
    dice = random.Random(5)
    texts = [" ".join(dice.choices(WORDS, k=dice.randint(1, 60))) for _ in range(300)]
    choices: list[dict[str, Any]] = [{}, {"probabilities": True}, {"probabilities": True, "best": 2}]
    options = [dice.choice(choices) for _ in texts]
    expected = [
        b'{"model":"random","answers":[' + TagInput(text).answer(tagger.tag(text, **arguments)) + b"]}"
        for text, arguments in zip(texts, options, strict=True)
    ]

    def batches() -> float:
        return float(_metric(service.get("metrics").text, "tagsmith_batch_texts_count"))

    for _ in range(20):  # on a busy machine requests may come one by one
        before = batches()
        with ThreadPoolExecutor(32) as pool:
            jobs = zip(texts, options, strict=True)
            answers = list(pool.map(lambda job: service.post({"text": job[0], "model": "random", **job[1]}), jobs))
        assert [answer.content for answer in answers] == expected
        if batches() - before < len(texts):
            return
    pytest.fail("no two requests ever shared a batch")


def _metric(page: str, name: str) -> str:
    return next(line.split()[1] for line in page.splitlines() if line.startswith(name))


def test_small_requests_overtake_a_large_one(service: Running):
    large = {"inputs": ["word1 " * 200] * 50, "model": "random", "best": 10}
    with httpx.Client(base_url=service.url, timeout=60) as client, ThreadPoolExecutor(2) as pool:
        client.post("v1/tag", json={"text": "Jay left."})
        slow = pool.submit(service.post, large)
        small = [client.post("v1/tag", json={"text": "Jay left."}) for _ in range(2)]
        assert not slow.done()
        assert [answer.status_code for answer in (*small, slow.result())] == [200] * 3


class RecordingTagger:
    """A tagger of one token a text, which keeps the batches it was given. It fails on the text "bad"."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    def tag(self, texts: Sequence[str], **_: Any) -> Iterator[Tagged]:
        self.batches.append(list(texts))
        if "bad" in texts:
            raise ValueError("bad")
        return (Tagged(text, (text,), ("O",), (), (0,), ((0, 1),)) for text in texts)


def tag_together(tagger: Any, requests: Sequence[tuple[list[str], dict[str, Any]]]) -> tuple[list[Any], list[int]]:
    """Return the answers or the error of each request, all sent at once, and the sizes of the batches."""
    sizes: list[int] = []

    async def scenario() -> list[Any]:
        batches = MicroBatches(1, sizes.append)
        try:
            jobs = (batches.tag(tagger, options, [TagInput(text) for text in texts]) for texts, options in requests)
            return await asyncio.gather(*jobs, return_exceptions=True)
        finally:
            batches.close()

    return asyncio.run(scenario()), sizes


def test_requests_with_equal_options_share_a_batch():
    tagger = RecordingTagger()
    _, sizes = tag_together(tagger, [(["a"], {}), (["b"], {"best": 2}), (["c", "d"], {})])
    assert tagger.batches == [["a", "c", "d"], ["b"]]
    assert sizes == [3, 1]


def test_a_large_request_goes_to_the_end_of_the_queue_after_each_batch():
    tagger = RecordingTagger()
    large = [f"{i}" + "x" * 3_000 for i in range(6)]
    answers, _ = tag_together(tagger, [(large, {}), (["small"], {"best": 2})])
    assert [batch[0][:1] for batch in tagger.batches] == ["0", "s", "3"]
    assert [one.json for one in answers[0]] == [
        TagInput(text).answer(next(tagger.tag([text]))) for text in large
    ]  # in the order of the inputs


def test_an_error_in_a_shared_batch_fails_one_request():
    answers, _ = tag_together(RecordingTagger(), [(["a"], {}), (["bad"], {}), (["c"], {})])
    assert [isinstance(answer, ValueError) for answer in answers] == [False, True, False]
    assert tag_together(RecordingTagger(), [([], {})])[0] == [[]]
