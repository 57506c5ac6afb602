"""What tagsmith's own jobs answer, run as the benchmark runs them, and what their checks refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tagsmith import Tagger
from tagsmith.bench import chains, processes, roofline, tagging, training
from tagsmith.bench import inputs as corpus
from tagsmith.bench.measurements import MeasurementRefused, MissingRival
from tagsmith.bench.rivals import SPACY, TUTORIAL, USUAL, Rivals
from tagsmith.bench.setting import BenchSetting, Findings
from tagsmith.bench.workers import Entrant, Timing, own_job, race, timed
from tests.support.handmade import DEMO, TINY


@pytest.fixture(scope="module")
def setting(tiny_model_path: Path, tmp_path_factory: pytest.TempPathFactory) -> BenchSetting:
    folder = tmp_path_factory.mktemp("bench")
    parts = {
        name: corpus.write(corpus.read(str(DEMO / f"{name}.conll"))[:60], folder / f"{name}.columns")
        for name in ("train", "dev", "test")
    }
    rivals = Rivals(folder / "rivals", {})
    return BenchSetting(folder, rivals, **parts, model=str(tiny_model_path), settings=TINY, repeats=1)


def test_batches_single_calls_and_threads_find_what_the_tagger_finds(setting: BenchSetting):
    options = {"test": setting.test, "model": setting.model}
    jobs = [options, {**options, "chunk": 1}, {**options, "chunk": 7}, {**options, "threads": 2}]
    answers = [timed(Entrant(own_job("tagging"), options), 0).answer for options in jobs]
    tagger = Tagger.load(setting.model)
    spans = [[[s.start, s.end, s.label] for s in tagger.tag(sentence).spans] for sentence in setting.sentences]
    assert answers == [{"tags": setting.tokens, "spans": spans}] * 4
    assert corpus.check_answer(answers[0], setting.sentences) == pytest.approx(tagger.evaluate(setting.sentences).f1)


def test_every_recurrence_learns_the_same(setting: BenchSetting):
    options = {"train": setting.train, "vectors": None, "settings": TINY, "steps": 6}
    names = ("tagsmith", "packed", "padded")
    entrants = {name: Entrant(own_job("training"), {**options, "recurrence": name}) for name in names}
    tokens = sum(len(sentence) for sentence in corpus.read(setting.train))
    losses = []
    for result in race(entrants, 0).values():
        assert isinstance(result, Timing)
        assert result.notes["tokens"] == tokens
        losses.append(result.answer)
    ours, packed, padded = losses
    assert len(ours) == 6
    assert ours not in (packed, padded)  # so it was another recurrence
    assert packed == pytest.approx(ours, rel=1e-4)
    assert padded == pytest.approx(ours, rel=1e-4)


def test_losses_that_differ_give_no_figure(setting: BenchSetting, monkeypatch: pytest.MonkeyPatch):
    losses = {"tagsmith": [9.0, 5.0], "packed": [9.0, 5.01], "padded": [9.0, 6.0]}
    seconds = {"tagsmith": 1.0, "packed": 3.0, "padded": 2.0}
    results = {name: Timing(losses[name], {"tokens": 100}, [seconds[name]]) for name in losses}
    monkeypatch.setattr(training, "race", lambda entrants, repeats: results)
    with pytest.raises(
        MeasurementRefused, match=r"of step 2 are 5\.0000 with our recurrence, 6\.0000 with nn\.LSTM, padded"
    ):
        training.steps(setting, Findings())
    results["padded"].answer[:] = [9.0, 5.0]
    findings = Findings()
    training.steps(setting, findings)
    assert [figure.value for figure in findings.figures] == [100.0, 2.0]  # the padded one was the faster


class TestChain:
    def test_right_answers_stand_the_check_and_wrong_ones_do_not(self):
        given = chains.problem()
        jobs = {what: Entrant(own_job("crf"), {**given, "calls": 2, "what": what}) for what in ("loss", "viterbi")}
        answers = {what: timed(job, 0).answer for what, job in jobs.items()}
        chains._check_loss(given, answers["loss"])
        chains._check_paths(given, answers["viterbi"])
        with pytest.raises(MeasurementRefused, match=r"^a loss of "):
            chains._check_loss(given, {**answers["loss"], "nll": answers["loss"]["nll"] * 1.001})
        gradients = np.array(answers["loss"]["gradients"][0])
        gradients[5] += 0.01
        with pytest.raises(MeasurementRefused, match=r"^gradients that differ"):
            chains._check_loss(given, {**answers["loss"], "gradients": [gradients]})
        answers["viterbi"][3][7] += 1
        with pytest.raises(MeasurementRefused, match=r"^paths other than"):
            chains._check_paths(given, answers["viterbi"])

    def test_a_rival_that_fails_is_not_measured_and_ours_is(
        self, setting: BenchSetting, monkeypatch: pytest.MonkeyPatch
    ):
        ours = Timing([], {}, [0.1])
        monkeypatch.setattr(chains, "_check_loss", lambda given, answer: None)
        monkeypatch.setattr(chains, "_check_paths", lambda given, answer: None)
        monkeypatch.setattr(
            chains, "race", lambda *_: {"ours": ours, "theirs": MeasurementRefused("ImportError: no torch")}
        )
        findings = Findings()
        chains.loss_and_paths(setting, findings)
        values = [figure.value for figure in findings.figures]
        assert values == [pytest.approx(100 / chains.CALLS), None] * 2
        assert not any(figure.refused for figure in findings.figures)


def right(setting: BenchSetting) -> dict[str, Any]:
    """The model's own answer."""
    spans = [[span[:3] for span in answer.spans] for answer in setting.tagger.tag(setting.sentences)]
    return {"tags": setting.tokens, "spans": spans}


class TestRace:
    def race(
        self, setting: BenchSetting, monkeypatch: pytest.MonkeyPatch, **theirs: Timing | MeasurementRefused
    ) -> Findings:
        """The findings if our model took 2 seconds, half a second in int8, and these rivals ran as said."""
        names = {"blis": "spaCy", "no_blis": "spaCy, use_blis=False", "crfsuite": "python-crfsuite"}
        listed = {names[name]: result for name, result in theirs.items()}
        monkeypatch.setattr(tagging, "TAGGERS", {})
        monkeypatch.setattr(tagging, "int8_obstacle", lambda model: "")
        monkeypatch.setattr(
            tagging,
            "race",
            lambda *_: {
                "tagsmith": Timing(right(setting), {}, [2.0]),
                "tagsmith, int8": Timing(right(setting), {}, [0.5]),
                **dict.fromkeys([*SPACY, USUAL, TUTORIAL, "Flair"], MissingRival("not there")),
                **listed,
            },
        )
        findings = Findings()
        tagging.against_rivals(setting, findings)
        return findings

    def test_the_ratio_is_to_the_faster_spacy(self, setting: BenchSetting, monkeypatch: pytest.MonkeyPatch):
        answer = right(setting)
        slow, fast = Timing(answer, {}, [7.0, 6.0]), Timing(answer, {}, [4.0, 5.0])
        found = self.race(setting, monkeypatch, blis=slow, no_blis=fast, crfsuite=Timing(answer, {}, [1.0]))
        assert {f.name: (f.value, f.verdict) for f in found.figures} == {
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

    def test_of_one_spacy_alone_nobody_knows_whether_it_is_the_faster(
        self, setting: BenchSetting, monkeypatch: pytest.MonkeyPatch
    ):
        answer = right(setting)
        found = self.race(
            setting, monkeypatch, blis=Timing(answer, {}, [7.0]), no_blis=MeasurementRefused("ValueError: broken")
        )
        assert (found.figures[1].value, found.figures[1].note) == (None, "failed: ValueError: broken")
        assert found.figures[1].verdict == "not measured"

    def test_a_rival_that_finds_nothing_right_gets_no_speed(
        self, setting: BenchSetting, monkeypatch: pytest.MonkeyPatch
    ):
        nothing = Timing({"tags": setting.tokens, "spans": [[]] * len(setting.sentences)}, {}, [1.0])
        found = self.race(setting, monkeypatch, crfsuite=nothing)
        assert (found.figures[2].verdict, found.figures[2].note) == ("refused", "not one span is right")
        assert "tokens_per_second" not in found.entrants[4]

    def test_our_own_answer_must_be_evaluates(self, setting: BenchSetting, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(corpus, "check_answer", lambda answer, gold: 12.0)
        found = self.race(setting, monkeypatch)
        assert found.figures[0].verdict == "refused"
        assert found.figures[0].note.startswith("F1 12.00, where the plain engine gives ")


def test_a_start_prints_the_answer_or_is_refused(setting: BenchSetting, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(processes, "STARTS", 1)
    findings = Findings()
    processes.cold_start(setting, findings)
    assert 0.05 < (findings.figures[0].value or 0) < 20
    monkeypatch.setattr(processes, "table", lambda answer: "another table")
    with pytest.raises(MeasurementRefused, match=r"^the command printed 'Jay"):
        processes.cold_start(setting, Findings())


def test_memory_is_that_of_a_whole_file(setting: BenchSetting, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(processes, "FILES", (1_000, 4_000))
    monkeypatch.setattr(processes, "TABLE", 50_000)
    findings = Findings()
    processes.memory(setting, findings)
    peak, growth = findings.figures
    assert 10 < (peak.value or 0) < 350
    assert abs(growth.value or 99) < 20
    assert not list(setting.folder.glob("large*"))


def test_the_base_install_has_no_torch():
    names = processes.dependencies("tagsmith")
    assert {"tagsmith", "numpy", "safetensors", "numba", "llvmlite", "markdown-it-py"} <= names
    assert not names & {"torch", "matplotlib", "pytest"}


def test_the_work_a_token_needs_is_that_of_its_products(tiny_model_path: Path):
    model = Tagger.load(tiny_model_path).model  # a state of 16, words of 12, spellings of 8 from 8 x 3
    recurrence, head = 2 * 2 * 16 * 64, 2 * 32 * len(model.tags)
    assert roofline.needed(model, 1, 0) == recurrence + head
    assert roofline.needed(model, 0, 1) == 2 * 2 * 20 * 64 + 2 * 6 * 8 * 3 * 8
