from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tagsmith import Tagger
from tagsmith.serve.tag_inputs import TagInput
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


def test_a_large_request_lets_small_ones_pass(service: Running):
    large = {"inputs": ["word1 " * 200] * 50, "model": "random", "best": 10}
    service.post({"text": "Jay left."})
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(service.post, large)
        small = [service.post({"text": "Jay left."}) for _ in range(5)]
        assert not slow.done()
        assert [answer.status_code for answer in (*small, slow.result())] == [200] * 6
