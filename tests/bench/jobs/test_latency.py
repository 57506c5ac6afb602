"""Tagging one sentence per call."""

from __future__ import annotations

from tagsmith.bench.jobs.latency import WARM_UP, prepare
from tagsmith.bench.runner import BenchTask
from tagsmith.bench.setting import BenchSetting


def test_the_sentences_after_the_warm_up_get_the_taggers_spans(setting: BenchSetting):
    output = prepare(BenchTask({"test": setting.test, "model": setting.model}))()()
    timed = setting.sentences[WARM_UP:]
    expected = [[(span.start, span.end, span.label) for span in setting.tagger.tag(each).spans] for each in timed]
    assert output == [[len(sentence), spans] for sentence, spans in zip(timed, expected, strict=True)]
