"""Tagging in calls of any size, and with several threads."""

from __future__ import annotations

import pytest

from tagsmith import Tagger
from tagsmith.bench.checks import check_output
from tagsmith.bench.setting import BenchSetting
from tagsmith.bench.workers import Entrant, own_job, timed


def test_every_size_of_call_and_number_of_threads_gives_the_taggers_spans(setting: BenchSetting):
    options = {"test": setting.test, "model": setting.model}
    jobs = [options, {**options, "chunk": 1}, {**options, "chunk": 7}, {**options, "threads": 2}]
    outputs = [timed(Entrant(own_job("tagging"), options), 0).output for options in jobs]
    tagger = Tagger.load(setting.model)
    spans = [[[s.start, s.end, s.label] for s in tagger.tag(sentence).spans] for sentence in setting.sentences]
    assert outputs == [{"tags": setting.tokens, "spans": spans}] * 4
    assert check_output(outputs[0], setting.sentences) == pytest.approx(tagger.evaluate(setting.sentences).f1)
