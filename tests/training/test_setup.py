"""The start of a training: its facts, its first weights, the vectors it reads, and the devices it can run on."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from tagsmith import Tagger
from tagsmith.batching import UNKNOWN
from tagsmith.config import configure
from tagsmith.embeddings import WordVectors
from tagsmith.engine import make_engine
from tagsmith.engine.plain import NumpyEngine
from tagsmith.errors import ConfigError, DataError
from tagsmith.text import Sentence
from tagsmith.training import loop
from tagsmith.training.setup import RECORDED, make_trainer, prepare, steps_on_gpu
from tagsmith.vocab import Vocabulary
from tests.support.chains import best_path
from tests.support.training import QUICK, SENTENCES, SIZES, Watcher, train


def test_seeds_differ_in_their_weights_and_share_the_rest() -> None:
    setup = prepare(SENTENCES, None, configure(settings=SIZES), None, "cpu", seeds=(1, 2))
    alone = prepare(SENTENCES, None, configure(settings={**SIZES, "training.seed": 2}), None, "cpu").models[0]
    one, two = setup.models
    assert [model.config.training.seed for model in setup.models] == [1, 2]
    assert all(two.weights[name].tobytes() == weight.tobytes() for name, weight in alone.weights.items())
    assert not np.array_equal(one.weights["words.vectors"], two.weights["words.vectors"])
    assert one.alphabets is two.alphabets
    assert setup.is_recorded
    assert setup.facts["side_by_side"] == [1, 2]


def test_labels_of_dev_that_training_lacks_are_announced() -> None:
    dev = [Sentence(["Ann", "left"], ["B-PER", "B-DATE"])]
    setup = prepare(SENTENCES, dev, configure(settings=SIZES), None, "cpu")
    assert setup.announcement(setup.config, None)["unseen_labels"] == ["DATE"]


def test_bfloat16_is_refused_where_steps_are_not_recorded() -> None:
    setup = prepare(SENTENCES, None, configure(settings={**SIZES, "training.precision": "bfloat16"}), None, "cpu")
    message = r"^training.precision=bfloat16, which only steps recorded on a GPU can have; here the device is cpu$"
    with pytest.raises(ConfigError, match=message):
        make_trainer(setup)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"training.optimizer": "adam"}, "training.optimizer=adam"),
        ({"training.average": 0.9}, "training.average=0.9"),
        ({"encoder.kind": "rnn"}, "no kernels of tagsmith's: encoder.kind=rnn"),
    ],
)
def test_steps_that_cannot_be_recorded_say_why(settings: dict[str, Any], why: str) -> None:
    pytest.importorskip("triton", reason="there is no Triton for this system")
    assert steps_on_gpu(configure()) == RECORDED
    assert steps_on_gpu(configure(settings={**SIZES, **settings})).startswith(f"PyTorch, one by one: {why}")


def some_vectors() -> WordVectors:
    words = ["ann", "zebra", "Bonn", "slept", "yak"]
    return WordVectors(Vocabulary(words), np.random.default_rng(3).normal(size=(5, 5)).astype(np.float32), "v.txt")


def test_vectors_of_words_outside_training_never_change() -> None:
    vectors = some_vectors()
    run = train({"training.learning_rate": 0.1, "training.epochs": 3}, vectors=vectors)
    model = run.model
    table = model.weights["words.vectors"]
    assert model.alphabets.words.strings[model.alphabets.trained :] == ["zebra", "Bonn", "yak"]
    assert table[model.alphabets.trained :].tolist() == vectors.matrix[[1, 2, 4]].tolist()
    # Those of training words do: each of them is in every epoch.
    for word in ("ann", "slept"):
        assert np.abs(table[model.alphabets.words.id_of(word)] - vectors.matrix[vectors.words.id_of(word)]).max() > 1e-4


def test_a_word_of_the_vectors_keeps_its_vector_when_tagging() -> None:
    vectors = some_vectors()
    model = train({"training.epochs": 1}, vectors=vectors).model
    (zebra,) = model.alphabets.batch([["Zebra"]]).words
    assert model.weights["words.vectors"][zebra].tolist() == vectors.matrix[1].tolist()
    (unseen,) = model.alphabets.batch([["unseen"]]).words
    assert unseen == UNKNOWN


@pytest.mark.parametrize(("rate", "trained"), [(0.0, False), (0.9, True)])
def test_the_unknown_word_is_trained_by_words_seen_once(rate: float, trained: bool) -> None:
    settings = {"words.unknown_rate": rate, "training.epochs": 2, "training.learning_rate": 0.1}
    before = prepare(SENTENCES, None, configure(settings={**SIZES, **settings}), None, "cpu").models[0]
    before, after = before.weights["words.vectors"], train(settings).model.weights["words.vectors"]
    assert bool((before[UNKNOWN] != after[UNKNOWN]).any()) == trained
    assert (before[1:] != after[1:]).any()


def test_a_width_other_than_that_of_the_vectors_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"^words.dim is 7, but the vectors of v.txt are 5 wide; leave it unset$"):
        train({"words.dim": 7}, vectors=some_vectors())


@pytest.mark.parametrize("vectors", [None, some_vectors()], ids=["without", "with"])
def test_an_unset_width_is_that_of_the_vectors_or_100(vectors: WordVectors | None) -> None:
    config = configure(settings={**SIZES, "words.dim": None, "training.epochs": 1})
    model = loop.train(SENTENCES, None, config, vectors).model
    dim = 5 if vectors else 100
    assert model.config.words.dim == dim
    assert model.weights["words.vectors"].shape[1] == dim


def test_vectors_are_counted_in_the_facts() -> None:
    watcher, vectors = Watcher(), dataclasses.replace(some_vectors(), repeated=2)
    train({"training.epochs": 1}, observers=[watcher], vectors=vectors)
    coverage = {"exact": 1, "lowered": 1, "zeroed": 0, "absent": 11}  # slept, and Ann
    assert watcher.facts["vectors"] == {"form": "", "words": 5, "repeated": 2, "coverage": coverage}


def test_a_dev_sentence_without_tags_is_an_error_before_any_step() -> None:
    watcher = Watcher()
    with pytest.raises(DataError, match=r"^dev\.conll:3: found a sentence without tags"):
        train({}, dev=[Sentence(["a"], None, "dev.conll", [3])], observers=[watcher])
    assert watcher.facts == {}


@pytest.mark.parametrize("dev", [[], [Sentence([], [])], [Sentence(["It", "rains"], ["O", "O"])]])
def test_a_dev_set_that_can_choose_no_epoch_is_an_error(dev: list[Sentence]) -> None:
    with pytest.raises(DataError, match="expected dev sentences to choose the best epoch by"):
        train({}, dev=dev)


@pytest.mark.parametrize("device", ["abacus", "cuda"])
def test_a_device_that_is_not_there_is_an_error(device: str) -> None:
    if device == "cuda" and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(ConfigError, match=f"^device '{device}': "):
        train({}, device=device)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch finds no NVIDIA GPU")
def test_training_and_tagging_on_a_gpu() -> None:
    torch.cuda.reset_peak_memory_stats()
    run = train({**QUICK, "training.epochs": 40}, dev=SENTENCES, vectors=some_vectors(), device="cuda")
    assert torch.cuda.max_memory_allocated() > 0
    assert Tagger(run.model).evaluate(SENTENCES).f1 == 100.0
    assert run.model.training["steps"] == RECORDED
    sentences = [s.tokens for s in SENTENCES] + [("zebra", "unseen")]
    engine, plain = make_engine(run.model, "cuda"), NumpyEngine(run.model)
    assert type(engine).__name__ == "TritonEngine"
    mine, theirs = engine.read(sentences), plain.read(sentences)
    np.testing.assert_allclose(engine.chain(mine).emissions, plain.chain(theirs).emissions, atol=1e-3)
    assert best_path(engine, mine).tolist() == best_path(plain, theirs).tolist()
