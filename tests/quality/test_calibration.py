from __future__ import annotations

import dataclasses
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith import DataError, Sentence, Tagger, store
from tagsmith.quality.calibration import (
    FOLDS,
    Confidences,
    collect_confidences,
    cross_fitted_probabilities,
    digest,
    fit_temperature,
    golden_section_search,
)
from tagsmith.quality.reliability import nll
from tagsmith.schemes import PLAIN, SCHEMES, is_legal, sentence_spans
from tests.support.handmade import SMALL, lexicon_model, random_model


@given(st.floats(-2, 3))
def test_golden_section_search_finds_the_minimum(place: float):
    assert golden_section_search(lambda x: (x - place) ** 2 + 7, -2, 3, 1e-4) == pytest.approx(place, abs=1e-4)


def sampled(model: store.Model, count: int, seed: int) -> list[Sentence]:
    """Sentences whose gold tags are drawn from the model's distribution over legal sequences."""
    rng = np.random.default_rng(seed)
    sentences = [[f"word{i}" for i in rng.integers(0, 30, 3)] for _ in range(count)]
    tags, scheme = model.tags, model.config.scheme
    paths = [path for path in product(tags, repeat=3) if scheme == PLAIN or is_legal(SCHEMES[scheme], path)]
    ids = np.array([[tags.index(tag) for tag in path] for path in paths])
    engine = Tagger(model)._engine
    found = []
    for tokens in sentences:
        chain = engine.chain(engine.read([tokens]))
        score = chain.emissions.astype(float)[np.arange(3), ids].sum(1)
        score += chain.transitions[ids[:, :-1], ids[:, 1:]].sum(1)
        score += chain.start_transitions[ids[:, 0]] + chain.end_transitions[ids[:, -1]]
        weight = np.exp(score - score.max())
        found.append(Sentence(tokens, paths[rng.choice(len(paths), p=weight / weight.sum())]))
    return found


def sharper(model: store.Model, factor: float) -> store.Model:
    """The same model, with all scores of its chains multiplied by a factor."""
    weights = {name: w * np.float32(factor if name.startswith("head.") else 1) for name, w in model.weights.items()}
    return dataclasses.replace(model, weights=weights)


@pytest.mark.parametrize(
    ("scheme", "settings"), [("BIOES", {}), ("IOB2", {"head.kind": "softmax"}), ("plain", {})], ids=str
)
def test_a_calibrated_model_gets_temperature_1_and_a_sharper_one_its_factor(scheme: str, settings: dict[str, str]):
    model = random_model(3, "IOB2" if scheme == "plain" else scheme, ["X"], 0.8, {**SMALL, **settings})
    if scheme == "plain":
        config = random_model(3, "IOB2", ["X"], 0.8, {**SMALL, "scheme": "plain"}).config
        model = dataclasses.replace(model, config=config)
    gold = sampled(model, 1500, 1)
    for factor in (1.0, 2.5):
        tagger = Tagger(sharper(model, factor)).calibrate(gold)
        assert tagger.model.config.decode.temperature == pytest.approx(factor, rel=0.15)
        found = tagger.model.calibration
        assert found is not None
        assert found.ece_after < 0.045
        assert (found.ece_before > 0.05) is (factor > 1)


@pytest.fixture(scope="module")
def gold() -> list[Sentence]:
    return sampled(random_model(5, scale=0.8), 200, 2)


def of(model: store.Model, gold: list[Sentence]) -> Confidences:
    return collect_confidences(model, Tagger(model)._engine, gold)


def test_predictions_are_the_spans_of_the_best_sequences_with_their_probabilities(gold: list[Sentence]):
    model = random_model(5, scale=0.8)
    found = of(model, [Sentence([], []), *gold])
    tagger = Tagger(model)
    spans = {
        (i, span.probability): span[:3] in sentence_spans(gold[i])
        for i, answer in enumerate(tagger.tag(gold, probabilities=True))
        for span in answer.spans
    }
    places = zip(found.sentence.tolist(), found.probabilities(1.0).tolist(), strict=True)
    assert dict(zip(places, found.correct.tolist(), strict=True)) == spans


def test_cross_fitting_measures_each_fold_at_the_temperature_of_the_others(gold: list[Sentence]):
    found = of(random_model(5, scale=0.8), gold)
    got = cross_fitted_probabilities(found)
    for k in range(FOLDS):
        held = found.sentence % FOLDS == k
        others = of(found.model, [sentence for i, sentence in enumerate(gold) if i % FOLDS != k])
        temperature = fit_temperature(others, np.ones(len(others.correct), bool))
        assert got[held] == pytest.approx(found.probabilities(temperature)[held], abs=1e-9)


def test_the_fitted_temperature_is_the_best_of_a_fine_grid(gold: list[Sentence]):
    found = of(sharper(random_model(5, scale=0.8), 1.7), gold)
    temperature = fit_temperature(found, np.ones(len(found.correct), bool))
    losses = {t: nll(found.probabilities(t), found.correct) for t in np.exp(np.linspace(-1.38, 2.07, 60))}
    assert nll(found.probabilities(temperature), found.correct) <= min(losses.values()) + 1e-6


def test_calibration_changes_probabilities_but_not_tags(gold: list[Sentence]):
    before = Tagger(sharper(random_model(5, scale=0.8), 3.0))
    after = before.calibrate(gold)
    assert [answer.tags for answer in before.tag(gold)] == [answer.tags for answer in after.tag(gold)]
    temperature = after.model.config.decode.temperature
    assert temperature > 1.5
    expected = of(before.model, gold).probabilities(temperature)
    got = [span.probability for answer in after.tag(gold, probabilities=True) for span in answer.spans]
    assert sorted(p for p in got if p is not None) == pytest.approx(sorted(expected.tolist()), abs=1e-9)


def test_the_sentences_of_the_fit_are_recognised_and_cross_fitted(gold: list[Sentence]):
    tagger = Tagger(random_model(5, scale=0.8)).calibrate(gold)
    calibration = tagger.model.calibration
    assert calibration is not None
    again, other = tagger.calibration_report(list(gold)), tagger.calibration_report(gold[1:])
    assert (again.cross_fitted, other.cross_fitted) == (True, False)
    assert (again.before.ece, again.after.ece) == (calibration.ece_before, calibration.ece_after)
    assert (calibration.sentences, calibration.answers) == (200, again.before.count)
    assert other.temperature == tagger.model.config.decode.temperature
    plain = Tagger(random_model(5, scale=0.8)).calibration_report(gold)
    assert (plain.cross_fitted, plain.temperature) == (False, 1.0)
    assert plain.before.as_dict() == plain.after.as_dict()


def test_a_warm_start_from_a_calibrated_model_has_temperature_1(gold: list[Sentence], tmp_path: Path):
    old = Tagger(random_model(5, scale=0.8)).calibrate(gold)
    old.save(tmp_path / "old")
    new = Tagger.train(gold[:20], init=tmp_path / "old", epochs=1, progress=False).model
    assert old.model.config.decode.temperature != 1.0
    assert (new.config.decode.temperature, new.calibration) == (1.0, None)


def test_the_digest_is_of_tokens_and_tags_alone():
    a, b = Sentence(["a"], ["B-X"]), Sentence(["a"], ["B-X"], "file", [3])
    assert digest([a]) == digest([Sentence([], []), b])
    assert len({digest([a]), digest([a, a]), digest([Sentence(["b"], ["B-X"])]), digest([Sentence(["a"], ["O"])])}) == 4


@pytest.mark.parametrize(
    ("tokens", "tags", "found"),
    [
        (["Jay"], ["B-PER"], r"only right predictions \(1\)"),
        (["Jay"], ["O"], r"only wrong predictions \(1\)"),
        (["saw"], ["O"], "no predictions"),
        (["Jay"], None, "a sentence without tags"),
        ([], [], "no sentences"),
    ],
)
def test_without_both_right_and_wrong_predictions_is_an_error(tokens: list[str], tags: list[str] | None, found: str):
    tagger = Tagger(lexicon_model())
    for method in (tagger.calibrate, tagger.calibration_report):
        with pytest.raises(DataError, match=f"found {found}"):
            method([Sentence(tokens, tags)])
