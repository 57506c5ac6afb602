"""The training loop: its steps, its choice of an epoch, and its ends."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from tagsmith import metrics
from tagsmith.config import configure
from tagsmith.engine.plain import NumpyEngine
from tagsmith.errors import ConfigError
from tagsmith.model.network import Network, initial_weights
from tagsmith.store import Model, shapes
from tagsmith.text import Sentence
from tagsmith.training.run import TrainingResult
from tagsmith.training.training_set import training_set, word_vectors
from tests.support.chains import best_path
from tests.support.training import NO_NOISE, QUICK, SENTENCES, SIZES, Watcher, same_weights, train


class Interrupter(Watcher):
    """Presses Ctrl-C in the first step of an epoch."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self.epoch = epoch

    def stepped(self, epoch: int, loss: float, tokens: int) -> None:
        super().stepped(epoch, loss, tokens)
        if epoch == self.epoch:
            raise KeyboardInterrupt


def start_of(settings: Mapping[str, Any]) -> Model:
    """The model a training starts from."""
    config = configure(settings={**SIZES, **settings})
    data = training_set(SENTENCES, config, None)
    rng = np.random.default_rng(config.training.seed)
    weights = initial_weights(config, shapes(config, data.alphabets, len(data.tags)), rng)
    weights["words.vectors"] = word_vectors(data.alphabets, None, SIZES["words.dim"], rng)
    return Model(config, data.alphabets, data.tags, weights, {})


def answers_of(model: Model, sentences: Sequence[Sentence] = SENTENCES) -> list[Sentence]:
    engine = NumpyEngine(model)
    paths = [best_path(engine, model.alphabets.batch([sentence.tokens])) for sentence in sentences]
    return [Sentence(s.tokens, [model.tags[i] for i in path]) for s, path in zip(sentences, paths, strict=True)]


def span_f1(model: Model, sentences: Sequence[Sentence]) -> float:
    pairs = zip(sentences, answers_of(model, sentences), strict=True)
    return metrics.score([(gold.tags or (), answer.tags or ()) for gold, answer in pairs], spans=True).f1


@pytest.fixture(scope="module")
def third() -> TrainingResult:
    """A training of three epochs."""
    return train({**QUICK, "training.epochs": 3})


@pytest.fixture(scope="module")
def dev_of_third(third: TrainingResult) -> list[Sentence]:
    """A dev set on which the third epoch, and not those long after it, is perfect: its own answers."""
    return answers_of(third.model)


# Steps


def hand_trained(settings: Mapping[str, Any], steps: int) -> tuple[dict[str, torch.Tensor], list[float]]:
    """Weights after some steps on all sentences at once, by the update written out; and each gradient's norm."""
    model = start_of(settings)
    network, training = Network(model).train(), model.config.training
    data = training_set(SENTENCES, model.config, None)
    batch, tags = data.alphabets.batch([s.tokens for s in SENTENCES]), np.concatenate(data.tag_ids)
    parameters = dict(network.named_parameters())
    velocity = {name: torch.zeros_like(value) for name, value in parameters.items()}
    norms = []
    for t in range(steps):
        found = torch.autograd.grad(network.nll(batch, tags), list(parameters.values()))
        gradients = [gradient.to_dense() for gradient in found]
        norms.append(math.sqrt(sum(float((g.double() ** 2).sum()) for g in gradients)))
        rate = training.learning_rate / (1 + training.decay * t)
        with torch.no_grad():
            for (name, value), gradient in zip(parameters.items(), gradients, strict=True):
                clipped = gradient * min(1.0, training.clip / norms[-1])
                velocity[name] = training.momentum * velocity[name] + clipped
                value -= rate * velocity[name]
    return {name: value.detach() for name, value in parameters.items()}, norms


@pytest.mark.parametrize("clip", [0.5, 1e6])
def test_steps_are_clipped_gradient_descent_with_momentum_and_decay(clip: float) -> None:
    settings = {
        **NO_NOISE,
        "training.batch_size": 100,
        "training.epochs": 3,
        "training.learning_rate": 0.1,
        "training.decay": 0.5,
        "training.momentum": 0.8,
        "training.clip": clip,
    }
    expected, norms = hand_trained(settings, steps=3)
    assert all((norm > clip) == (clip == 0.5) for norm in norms)
    found = train(settings).model.weights
    before = start_of(settings).weights
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value.numpy(), rtol=1e-4, atol=1e-6, err_msg=name)
        assert np.abs(found[name] - before[name]).max() > 1e-4, name


def test_the_learning_rate_falls_with_every_epoch() -> None:
    run = train({"training.learning_rate": 0.2, "training.decay": 0.5, "training.epochs": 4})
    assert [epoch.learning_rate for epoch in run.epochs] == pytest.approx([0.2, 0.2 / 1.5, 0.1, 0.2 / 2.5], rel=1e-12)


def test_an_epochs_loss_is_the_mean_over_its_sentences() -> None:
    # Nothing is learned at this rate, so the loss is that of the start; and the last batch is a smaller one.
    settings = {**NO_NOISE, "training.learning_rate": 1e-12, "training.epochs": 1}
    model, watcher = start_of(settings), Watcher()
    data, network = training_set(SENTENCES, model.config, None), Network(model)
    each = [
        network.nll(data.alphabets.batch([sentence.tokens]), tags).item()
        for sentence, tags in zip(SENTENCES, data.tag_ids, strict=True)
    ]
    (epoch,) = train(settings, observers=[watcher]).epochs
    assert epoch.loss == pytest.approx(sum(each) / len(each), rel=1e-5)
    assert epoch.loss == pytest.approx(np.average([s[1] for s in watcher.steps], weights=[2, 2, 1]), rel=1e-6)


def test_observers_see_every_step_and_epoch_and_one_end() -> None:
    watcher = Watcher()
    run = train({"training.epochs": 2}, dev=SENTENCES, observers=[watcher])
    assert [step[0] for step in watcher.steps] == [1, 1, 1, 2, 2, 2]
    assert sum(step[2] for step in watcher.steps) == 2 * 18
    assert watcher.epochs == run.epochs
    assert [epoch.number for epoch in run.epochs] == [1, 2]
    assert watcher.ends == 1
    assert watcher.facts["train_sentences"] == 5
    assert watcher.facts["train_tokens"] == 18
    assert watcher.facts["train_words"] == 13
    assert watcher.facts["dev_sentences"] == 5
    assert watcher.facts["vectors"] is None
    assert watcher.facts["device"] == "cpu"
    assert watcher.facts["config"]["encoder"]["size"] == 6
    assert watcher.facts["versions"]["torch"] == torch.__version__


def test_training_learns_its_sentences() -> None:
    run = train({**QUICK, "training.epochs": 40}, dev=SENTENCES)
    assert run.epochs[-1].loss < 0.1 < run.epochs[0].loss
    assert span_f1(run.model, SENTENCES) == 100.0


# Which epoch is kept


def test_the_best_epoch_on_dev_is_kept(third: TrainingResult, dev_of_third: list[Sentence]) -> None:
    run = train({**QUICK, "training.epochs": 12}, dev=dev_of_third)
    scores = [epoch.dev.f1 for epoch in run.epochs if epoch.dev]
    assert max(scores[:2]) < scores[2] == 100.0 > scores[-1]
    assert run.model.training["epochs"] == 12
    assert run.model.training["best_epoch"] == 3
    assert run.model.training["dev"]["score"] == 100.0
    assert span_f1(run.model, dev_of_third) == 100.0
    assert same_weights(run, third)


def test_an_epoch_is_called_best_only_if_it_beats_all_before_it() -> None:
    run = train({**QUICK, "training.epochs": 30}, dev=SENTENCES)
    scores = [epoch.dev.f1 for epoch in run.epochs if epoch.dev]
    assert len(set(scores)) < len(scores)  # some are equal
    expected = [i == 0 or score > max(scores[:i]) for i, score in enumerate(scores)]
    assert [epoch.best for epoch in run.epochs] == expected


def test_training_stops_when_patience_runs_out(third: TrainingResult, dev_of_third: list[Sentence]) -> None:
    run = train({**QUICK, "training.epochs": 50, "training.patience": 4}, dev=dev_of_third)
    assert len(run.epochs) == 3 + 4
    assert same_weights(run, third)


def test_without_dev_the_last_epoch_is_kept_and_patience_counts_for_nothing() -> None:
    settings = {"training.epochs": 4, "training.patience": 1}
    run = train(settings)
    assert [epoch.dev for epoch in run.epochs] == [None] * 4
    assert run.model.training["best_epoch"] == 4
    assert run.model.training["dev"] is None
    assert not same_weights(run, train({**settings, "training.epochs": 3}))


def test_the_score_of_plain_tags_is_their_accuracy() -> None:
    run = train({"scheme": "plain", "training.epochs": 1}, dev=SENTENCES)
    (epoch,) = run.epochs
    assert epoch.dev is not None
    assert epoch.dev.score == epoch.dev.accuracy
    assert not epoch.dev.spans


def test_empty_sentences_of_dev_are_left_out() -> None:
    run = train({"training.epochs": 1}, dev=[Sentence([], []), *SENTENCES])
    assert run.epochs[0].dev is not None
    assert run.epochs[0].dev.sentences == 5


# Interrupts


def test_an_interrupt_after_the_first_epoch_keeps_that_one() -> None:
    interrupter = Interrupter(epoch=2)
    run = train({"training.epochs": 9}, observers=[interrupter])
    assert len(run.epochs) == 1
    assert interrupter.steps[-1][0] == 2
    assert interrupter.ends == 1
    assert same_weights(run, train({"training.epochs": 1}))


def test_a_later_interrupt_keeps_the_best_epoch_so_far(third: TrainingResult, dev_of_third: list[Sentence]) -> None:
    run = train({**QUICK, "training.epochs": 50}, dev=dev_of_third, observers=[Interrupter(epoch=6)])
    assert (len(run.epochs), run.model.training["best_epoch"]) == (5, 3)
    assert same_weights(run, third)


def test_an_interrupt_before_the_first_epochs_end_ends_all() -> None:
    interrupter = Interrupter(epoch=1)
    with pytest.raises(KeyboardInterrupt):
        train({}, observers=[interrupter])
    assert interrupter.ends == 1


def test_an_interrupt_while_the_first_weights_are_put_aside_ends_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_network: Network) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Network, "weights", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train({})


# Seeds


def test_a_seed_gives_the_same_weights_to_the_bit() -> None:
    settings = {"training.epochs": 2, "training.seed": 7}
    one, other = train(settings), train({**settings, "training.seed": 8})
    torch.rand(1)  # what else draws from PyTorch's generator makes no difference
    same = train(settings)
    assert same_weights(one, same)
    assert [epoch.loss for epoch in one.epochs] == [epoch.loss for epoch in same.epochs]
    assert not same_weights(one, other)


def test_scoring_on_dev_changes_no_later_step() -> None:
    # With dropout, a single random number drawn by the scoring would show.
    settings = {"training.epochs": 3}
    with_dev, without = train(settings, dev=SENTENCES), train(settings)
    assert [epoch.loss for epoch in with_dev.epochs] == [epoch.loss for epoch in without.epochs]


def test_training_leaves_pytorchs_random_state_and_threads_as_they_were() -> None:
    threads, state = torch.get_num_threads(), torch.random.get_rng_state()
    train({"training.epochs": 1, "training.threads": threads + 1})
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.random.get_rng_state(), state)


# Word vectors and the unknown word


# Errors and devices


def test_a_loss_that_grows_beyond_all_numbers_is_an_error_that_says_what_to_lower() -> None:
    with pytest.raises(ConfigError, match=r"the loss became (nan|inf) in epoch 1; lower training.learning_rate"):
        train({**NO_NOISE, "training.learning_rate": 1e30})


def test_what_ended_a_training_stands_in_the_model(third: TrainingResult) -> None:
    assert train({"training.epochs": 1}).model.training["stopped"] == "epochs"
    assert train({"training.epochs": 5}, observers=[Interrupter(3)]).model.training["stopped"] == "interrupt"


def test_patience_begins_with_the_first_score_above_zero() -> None:
    # Without momentum, at a tiny rate, nothing is learned: every epoch scores 0 and counts as better.
    settings = {**NO_NOISE, "training.learning_rate": 1e-9, "training.epochs": 6, "training.patience": 2}
    unseen = [Sentence(["Ann", "saw", "New", "York"], ["B-X", "I-X", "I-X", "I-X"])]
    run = train(settings, dev=unseen)
    assert [epoch.dev.score for epoch in run.epochs if epoch.dev] == [0.0] * 6
    assert run.model.training["best_epoch"] == 6
