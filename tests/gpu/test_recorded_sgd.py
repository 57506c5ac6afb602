"""Steps of several networks on a device, compared with SGD written out over the network alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tagsmith.model.network import Network
from tagsmith.store import Model
from tests.support.device_models import SENTENCES, TAGS, corpus_of, make_model

pytest.importorskip("triton", reason="there is no Triton for this system")
from tagsmith.gpu.recorded_sgd import RecordedSGD

CLIP, MOMENTUM, RATE = 0.5, 0.9, 0.3
SETTINGS = {"training.clip": CLIP, "training.momentum": MOMENTUM, "training.batch_size": 2}
STEPS = [[0, 4], [3, 1]]
GOLD = np.random.default_rng(2).integers(0, len(TAGS), sum(map(len, SENTENCES)))


def by_hand(model: Model) -> tuple[dict[str, np.ndarray], float]:
    """The weights after both steps, and the sum of the sentences' losses."""
    network, total = Network(model).train(), 0.0
    velocities = {name: torch.zeros_like(p) for name, p in network.named_parameters()}
    gold = np.split(GOLD, np.cumsum([len(sentence) for sentence in SENTENCES])[:-1])
    for numbers in STEPS:
        loss = network.nll(
            model.alphabets.batch([SENTENCES[i] for i in numbers]), np.concatenate([gold[i] for i in numbers])
        )
        total += 2 * loss.item()
        network.zero_grad()
        loss.backward()
        gradients = {name: p.grad.to_dense() for name, p in network.named_parameters() if p.grad is not None}
        norm = sum(gradient.square().sum() for gradient in gradients.values()) ** 0.5
        with torch.no_grad():
            for name, parameter in network.named_parameters():
                velocities[name].mul_(MOMENTUM).add_(gradients[name] * min(1.0, CLIP / float(norm)))
                parameter.sub_(RATE * velocities[name])
    return network.weights(), total


def test_steps_are_those_of_sgd_with_momentum_and_clipping(device: str) -> None:
    models = [make_model(seed, SETTINGS) for seed in (0, 1)]
    corpus = corpus_of(models[0], device)
    rates = torch.zeros(models[0].alphabets.trained, device=device)
    sgd = RecordedSGD(models, corpus, torch.from_numpy(GOLD).to(device), rates)
    sgd.rate.fill_(RATE)
    for numbers in STEPS:
        chosen = torch.tensor([[7, *numbers]] * 2, device=device)
        sgd.step(chosen, corpus.batch_shape(np.array(STEPS), step=4))
    for number, model in enumerate(models):
        weights, velocities = sgd.state_of(number)
        expected, total = by_hand(model)
        assert weights.keys() == velocities.keys() == expected.keys()
        for name, weight in weights.items():
            np.testing.assert_allclose(weight.cpu(), expected[name], rtol=1e-4, atol=2e-5, err_msg=name)
        assert sgd.losses[number].item() == pytest.approx(total, rel=1e-5)


def test_a_word_is_replaced_by_the_unknown_word_at_its_rate(device: str) -> None:
    model = make_model(0, {**SETTINGS, "training.momentum": 0.0})
    corpus, gold = corpus_of(model, device), torch.from_numpy(GOLD).to(device)
    sgd = RecordedSGD([model], corpus, gold, torch.ones(model.alphabets.trained, device=device))
    sgd.rate.fill_(RATE)
    before = sgd.weights()["words.vectors"].detach().clone()
    sgd.step(torch.tensor([[7, 0, 4]], device=device), corpus.batch_shape(np.array([[0, 4]]), step=4))
    changed = (sgd.weights()["words.vectors"] != before).any(2)[0]
    assert changed.nonzero().flatten().tolist() == [0]  # the unknown word's row
