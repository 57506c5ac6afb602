from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tagsmith.serve.refusals import RequestRefused
from tagsmith.serve.service import RequestFacts
from tagsmith.serve.tag_inputs import TagInput
from tests.support.in_process import in_process


def test_the_first_model_is_the_default_and_is_loaded_on_first_use(model_files: Path):
    models = {name: model_files / f"{name}.safetensors" for name in ("pos", "ner")}

    async def scenario() -> None:
        async with in_process(models) as running:
            assert running.service.models.loaded == {}
            name, tagger = await running.service.tagger(None)
            assert (name, tagger.model.is_plain) == ("pos", True)
            assert (await running.service.tagger("pos"))[1] is tagger
            assert running.service.models.loaded.keys() == {"pos"}
            with pytest.raises(RequestRefused) as caught:
                await running.service.tagger("other")
            assert caught.value.status == 404

    asyncio.run(scenario())


def test_tagging_counts_texts_and_tokens(model_files: Path):
    async def scenario() -> None:
        async with in_process({"ner": model_files / "ner.safetensors"}) as running:
            facts = RequestFacts()
            facts.model, tagger = await running.service.tagger(None)
            for texts in (["Jay left.", "India"], ["x"]):
                answers = await running.service.tag(facts, tagger, {}, [TagInput(text) for text in texts])
                assert len(answers) == len(texts)
            assert (facts.texts, facts.tokens) == (3, 5)
            assert b'tagsmith_tokens_total{model="ner"} 5.0' in running.service.metrics.page()

    asyncio.run(scenario())
