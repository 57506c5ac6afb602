"""The table of encoder kinds: that it is whole, loads nothing it need not, and takes a new kind in a few lines."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import get_args, get_type_hints

import msgspec
import numpy as np
import pytest
import torch
from torch import Tensor

from tagsmith import Tagger, formats, store
from tagsmith.batching import Steps
from tagsmith.config import EncoderConfig
from tagsmith.engine import Engine, int8_obstacle
from tagsmith.engine.compiled import NumbaEngine
from tagsmith.engine.on_torch import TorchEngine
from tagsmith.engine.plain import NumpyEngine
from tagsmith.model.network import Network, initial_weights
from tagsmith.ops.recurrence.kinds import KINDS, RecurrenceKind, kinds_with
from tagsmith.tensors import Floats, Ids
from tests.support.chains import best_path
from tests.support.handmade import DEMO, TINY, random_model, same

IMPLEMENTATIONS = ["reference", "compiled", "on_torch", "autograd", "int8", "on_triton"]


def test_the_kinds_are_those_of_the_setting() -> None:
    assert set(KINDS) == set(get_args(get_type_hints(EncoderConfig)["kind"]))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("implementation", IMPLEMENTATIONS[1:])
def test_every_entry_of_the_table_is_there(kind: str, implementation: str) -> None:
    if kind not in kinds_with(implementation):
        return
    if implementation == "on_triton":
        pytest.importorskip("triton", reason="there is no Triton for this system")
    assert getattr(KINDS[kind], implementation)().__name__ == kind


@pytest.mark.parametrize("kind", KINDS)
def test_initial_biases_are_of_gates_that_there_are(kind: str) -> None:
    assert KINDS[kind].initial_bias.keys() <= set(KINDS[kind].gates)


def test_the_table_imports_neither_numba_nor_pytorch() -> None:
    script = (
        "import sys; from tagsmith.ops.recurrence.kinds import KINDS; import tagsmith.store; "
        "print([name for name in ('numba', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# A made-up kind: each unit halves its state and adds its input. It is all that CONTRIBUTING asks for.


def leaky_reference(products: Floats, state_weight: Floats, counts: list[int]) -> Floats:
    hidden, end = np.empty_like(products), 0
    h = np.zeros((counts[0], products.shape[1]), products.dtype)
    for count in counts:
        start, end = end, end + count
        h = hidden[start:end] = products[start:end] + h[:count] / 2
    return hidden


def leaky_compiled(
    products: Floats, row_of: Ids, starts: Ids, lengths: Ids, state_weight: Floats, direction: int, out: Floats
) -> None:
    size = out.shape[1] // 2
    for start, length in zip(starts, lengths, strict=True):
        words = range(start, start + length)
        h = np.zeros(size, np.float32)
        for word in reversed(words) if direction else words:
            h = products[row_of[word], direction] + h / 2
            out[word, direction * size : (direction + 1) * size] = h


def leaky_on_torch(products: Tensor, state_weight: Tensor, steps: Steps) -> Tensor:
    h, states = products.new_zeros(2, steps.counts[0], products.shape[2]), []
    for step, count in zip(steps.slices(), steps.counts, strict=True):
        h = products[:, step] + h[:, :count] / 2
        states.append(h)
    return torch.cat(states, 1)


@pytest.fixture
def leaky(monkeypatch: pytest.MonkeyPatch) -> store.Model:
    """A model of a kind that the table did not have a moment ago."""
    row = RecurrenceKind(("state",), leaky_reference, lambda: leaky_compiled, lambda: leaky_on_torch)
    monkeypatch.setitem(KINDS, "leaky", row)
    made = random_model(1, settings={"chars.kind": "none", "encoder.kind": "rnn", "encoder.layers": 2}, scale=0.3)
    encoder = msgspec.structs.replace(made.config.encoder, kind="leaky")
    return dataclasses.replace(made, config=msgspec.structs.replace(made.config, encoder=encoder))


def test_a_new_kind_runs_in_every_engine(leaky: store.Model) -> None:
    sentences = [["word1", "word2", "word3"], ["x"], ["word4", "word1"]]
    plain = NumpyEngine(leaky)
    expected = plain.chain(plain.read(sentences)).emissions
    assert np.abs(expected).max() > 0.1
    engines: list[Engine] = [NumbaEngine(leaky), TorchEngine(leaky, "cpu")]
    for engine in engines:
        batch = engine.read(sentences)
        np.testing.assert_allclose(engine.chain(batch).emissions, expected, atol=1e-5)
        assert best_path(engine, batch).tolist() == best_path(plain, plain.read(sentences)).tolist()
    assert "expected lstm" in int8_obstacle(leaky)


def test_a_new_kind_has_weights_and_learns(leaky: store.Model) -> None:
    listed = store.shapes(leaky.config, leaky.alphabets, len(leaky.tags))
    weights = initial_weights(leaky.config, listed, np.random.default_rng(0))
    assert weights["encoder2.input_weight"].any()
    batch = leaky.alphabets.batch([["word1", "word2"]])
    network = Network(leaky).train()
    network.nll(batch, np.array([0, 1])).backward()
    gradient = network.get_parameter("encoder.input_weight").grad
    assert gradient is not None
    assert gradient.any()


# The GRU, from one end to the other


def test_a_gru_is_trained_saved_loaded_and_tags_the_same_in_every_engine(tmp_path: Path) -> None:
    sentences = [*formats.read(DEMO / "dev.conll")][:12]
    path = tmp_path / "gru.safetensors"
    still = {"chars.dropout": 0, "encoder.dropout_in": 0, "encoder.dropout_out": 0}
    layers = {"encoder.kind": "gru", "encoder.layers": 2, "training.epochs": 20, "training.learning_rate": 0.05}
    settings = {**TINY, **layers, **still, "training.batch_size": 2}
    trained = Tagger.train(sentences, sentences, settings=settings, out=path, progress=False)
    loaded = Tagger.load(path)
    assert same(loaded.model, trained.model)
    assert loaded.model.weights["encoder2.state_weight"].shape == (2, 16, 3 * 16)
    assert loaded.evaluate(sentences).f1 > 80  # it learned what it was shown
    words = [sentence.tokens for sentence in sentences]
    engines: tuple[Engine, ...] = NumpyEngine(loaded.model), NumbaEngine(loaded.model), TorchEngine(loaded.model, "cpu")
    paths = [best_path(engine, engine.read(words)).tolist() for engine in engines]
    assert paths[0] == paths[1] == paths[2]
