"""The speed of tagging: what is compared, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tagsmith.bench import tagging_speed
from tagsmith.bench.measurements import MeasurementRefused, MissingRival
from tagsmith.bench.rivals import SPACY, TUTORIAL, USUAL
from tagsmith.bench.setting import BenchSetting, Findings
from tagsmith.bench.workers import Timing


def right_output(setting: BenchSetting) -> dict[str, Any]:
    """Return the model's own output."""
    spans = [[span[:3] for span in tagged.spans] for tagged in setting.tagger.tag(setting.sentences)]
    return {"tags": setting.tokens, "spans": spans}


class TestAgainstRivals:
    def race(
        self, setting: BenchSetting, monkeypatch: pytest.MonkeyPatch, **theirs: Timing | MeasurementRefused
    ) -> Findings:
        """Return the findings if our model takes 2 seconds, half a second in int8, and these rivals run as given."""
        names = {"blis": "spaCy", "no_blis": "spaCy, use_blis=False", "crfsuite": "python-crfsuite"}
        listed = {names[name]: result for name, result in theirs.items()}
        monkeypatch.setattr(tagging_speed, "TAGGERS", {})
        monkeypatch.setattr(tagging_speed, "int8_obstacle", lambda model: "")
        monkeypatch.setattr(
            tagging_speed,
            "race",
            lambda *_: {
                "tagsmith": Timing(right_output(setting), {}, [2.0]),
                "tagsmith, int8": Timing(right_output(setting), {}, [0.5]),
                **dict.fromkeys([*SPACY, USUAL, TUTORIAL, "Flair"], MissingRival("not installed")),
                **listed,
            },
        )
        findings = Findings()
        tagging_speed.against_rivals(setting, findings)
        return findings

    def test_the_ratio_is_to_the_faster_spacy(self, setting: BenchSetting, monkeypatch: pytest.MonkeyPatch):
        output = right_output(setting)
        slow, fast = Timing(output, {}, [7.0, 6.0]), Timing(output, {}, [4.0, 5.0])
        findings = self.race(setting, monkeypatch, blis=slow, no_blis=fast, crfsuite=Timing(output, {}, [1.0]))
        assert {f.name: (f.value, f.verdict) for f in findings.measurements} == {
            "tagging, batched": (setting.tokens / 2, ""),
            "tagging: ratio to the faster spaCy": (2.0, "missed"),
            "tagging: ratio to python-crfsuite": (0.5, "missed"),
            f"tagging: ratio to {TUTORIAL}": (None, "not measured"),
            "tagging: ratio to Flair": (None, "not measured"),
            "tagging, int8, batched": (setting.tokens / 0.5, ""),
            "tagging, int8: ratio to the faster spaCy": (8.0, "met"),
            "tagging, int8: ratio to python-crfsuite": (2.0, "missed"),
            f"tagging, int8: ratio to {TUTORIAL}": (None, "not measured"),
            "tagging, int8: ratio to Flair": (None, "not measured"),
        }

    def test_one_spacy_alone_may_not_be_the_faster(self, setting: BenchSetting, monkeypatch: pytest.MonkeyPatch):
        output = right_output(setting)
        findings = self.race(
            setting, monkeypatch, blis=Timing(output, {}, [7.0]), no_blis=MeasurementRefused("ValueError: broken")
        )
        assert (findings.measurements[1].value, findings.measurements[1].note) == (None, "failed: ValueError: broken")
        assert findings.measurements[1].verdict == "not measured"

    def test_a_rival_without_a_right_span_gets_no_speed(self, setting: BenchSetting, monkeypatch: pytest.MonkeyPatch):
        nothing = Timing({"tags": setting.tokens, "spans": [[]] * len(setting.sentences)}, {}, [1.0])
        findings = self.race(setting, monkeypatch, crfsuite=nothing)
        assert (findings.measurements[2].verdict, findings.measurements[2].note) == ("refused", "not one span is right")
        assert "tokens_per_second" not in findings.entrants[4]

    def test_our_f1_must_be_that_of_the_plain_engine(self, setting: BenchSetting, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(tagging_speed, "check_output", lambda output, gold: 12.0)
        findings = self.race(setting, monkeypatch)
        assert findings.measurements[0].verdict == "refused"
        assert findings.measurements[0].note.startswith("F1 12.00, where the plain engine gives ")


class TestLatency:
    def test_a_sentence_takes_milliseconds(self, setting: BenchSetting):
        findings = Findings()
        tagging_speed.latency(setting, findings)
        fp32 = findings.measurements[0]
        assert fp32.name == "one sentence of 15 tokens, warm, fp32"
        assert 0.01 < (fp32.value or 0) < 100

    def test_too_few_tags_are_refused(self, setting: BenchSetting, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(tagging_speed, "LATENCY_TOKENS", 16)
        real = tagging_speed.cut_to_length
        monkeypatch.setattr(tagging_speed, "cut_to_length", lambda sentences, length, tokens: real(sentences, 15, 900))
        with pytest.raises(MeasurementRefused, match=r"^a sentence got too few tags$"):
            tagging_speed.latency(setting, Findings())


def test_two_cores_need_two_cores(setting: BenchSetting, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tagging_speed, "cores", lambda: [0])
    with pytest.raises(MissingRival, match="one core only"):
        tagging_speed.two_cores(setting, Findings())


def test_two_cores_are_compared_with_the_faster_one(setting: BenchSetting, monkeypatch: pytest.MonkeyPatch):
    output = right_output(setting)
    timings = {name: Timing(output, {}, [took]) for name, took in (("core 0", 4.0), ("core 1", 3.0), ("both", 2.0))}
    monkeypatch.setattr(tagging_speed, "cores", lambda: [0, 1])
    monkeypatch.setattr(tagging_speed, "race_all", lambda entrants, repeats: {name: timings[name] for name in entrants})
    findings = Findings()
    tagging_speed.two_cores(setting, findings)
    assert findings.measurements[0].value == pytest.approx(1.5)
