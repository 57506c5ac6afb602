"""The training loop, top to bottom: stochastic gradient descent as Ma and Hovy (2016, §3) do it."""

from __future__ import annotations

import dataclasses
import math
import platform
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec
import numpy as np
import torch

from tagsmith.batching import time_steps
from tagsmith.config import Config
from tagsmith.embeddings import Vectors
from tagsmith.engine import check_device
from tagsmith.engine.decoding import Decoder, tag_sentences
from tagsmith.errors import ConfigError
from tagsmith.metrics import Scores, score
from tagsmith.model.network import Network, Weights, initial_weights
from tagsmith.store import Model, shapes
from tagsmith.text import Sentence
from tagsmith.training.data import TrainingSet, dev_rows, training_set, word_vectors


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to. ``dev`` is None where there is no dev file."""

    number: int
    loss: float
    learning_rate: float
    seconds: float
    tokens_per_second: float
    dev: Scores | None
    best: bool


class Observer(Protocol):
    """Whoever watches a training: the progress bar, the log."""

    def started(self, facts: dict[str, Any]) -> None:
        """Before the first step, with what is known of the data, the settings and the machine."""
        ...

    def stepped(self, epoch: int, loss: float, tokens: int) -> None:
        """After each step: the mean loss of its sentences, and its tokens."""
        ...

    def finished_epoch(self, epoch: Epoch) -> None:
        """After each epoch and its evaluation."""
        ...

    def finished(self) -> None:
        """At the end, however it came."""
        ...


@dataclass
class Run:
    """A finished training: the model of the best epoch, and all epochs."""

    model: Model
    epochs: list[Epoch] = field(default_factory=list)


def train(
    sentences: Sequence[Sentence],
    dev: Sequence[Sentence] | None,
    config: Config,
    vectors: Vectors | None,
    observers: Sequence[Observer] = (),
    device: str = "cpu",
) -> Run:
    """Train on sentences; keep the epoch with the best score on dev (without dev, the last).

    An interrupt from the keyboard ends a training that has finished an epoch, as running out of patience does. What
    ended it (``epochs``, ``patience`` or ``interrupt``) stands in the model. While the dev score is 0, a later epoch
    counts as better, so patience begins with the first span found.

    Raises:
        DataError: sentences that can't be learned from.
        ConfigError: a width of word vectors other than that of the vector file, a device that is not there, or
            settings under which the loss grows beyond all numbers.
    """
    check_device(device)
    config = _with_dim(config, vectors)
    settings = config.training
    data = training_set(sentences, config, vectors)
    gold = [] if dev is None else dev_rows(dev, config.scheme)
    rng = np.random.default_rng(settings.seed)
    weights = initial_weights(shapes(config, data.alphabets, len(data.tags)), rng)
    weights["words.vectors"] = word_vectors(data.alphabets, vectors, config.words.dim or 0, rng)
    facts = _facts(data, dev, vectors)
    start = Model(config, data.alphabets, data.tags, weights, facts)

    with torch.random.fork_rng(), _threads(settings.threads):
        torch.manual_seed(settings.seed)
        network = _on_device(Network(start), device)
        optimizer = torch.optim.SGD(network.parameters(), settings.learning_rate, settings.momentum)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: 1 / (1 + settings.decay * t))
        epochs: list[Epoch] = []
        kept: tuple[Epoch, Weights] | None = None
        stopped = "epochs"
        try:
            for observer in observers:
                observer.started({**facts, "config": msgspec.to_builtins(config), "device": device, **_versions()})
            for number in range(1, settings.epochs + 1):
                network.train()
                began, losses, tokens = time.perf_counter(), 0.0, 0
                for batch, tags in data.batches(settings.batch_size, config.words.unknown_rate, rng):
                    optimizer.zero_grad()
                    loss = network.nll(batch, tags)
                    loss.backward()
                    torch.nn.utils.clip_grad_norm_(network.parameters(), settings.clip)
                    optimizer.step()
                    if not math.isfinite(loss.item()):
                        raise ConfigError(
                            f"the loss became {loss.item()} in epoch {number}; lower training.learning_rate"
                        )
                    losses += loss.item() * len(batch.lengths)
                    tokens += len(batch.words)
                    for observer in observers:
                        observer.stepped(number, loss.item(), len(batch.words))
                seconds = time.perf_counter() - began
                rate = optimizer.param_groups[0]["lr"]
                schedule.step()
                scores = _evaluate(network, start, dev, gold) if dev is not None else None
                is_best = scores is None or kept is None or scores.score > _score(kept[0]) or not _score(kept[0])
                epoch = Epoch(number, losses / len(data.sentences), rate, seconds, tokens / seconds, scores, is_best)
                epochs.append(epoch)
                if is_best:
                    kept = epoch, network.weights()  # at once, so that an interrupt finds both or neither
                for observer in observers:
                    observer.finished_epoch(epoch)
                if kept and number - kept[0].number >= settings.patience:
                    stopped = "patience"
                    break
        except KeyboardInterrupt:
            if kept is None:
                raise
            stopped = "interrupt"
        finally:
            for observer in observers:
                observer.finished()
    assert kept is not None  # there is at least one epoch, and the first is the best so far
    best, best_weights = kept
    known = {**facts, "epochs": len(epochs), "best_epoch": best.number, "stopped": stopped, "dev": _brief(best.dev)}
    return Run(Model(config, data.alphabets, data.tags, best_weights, known), epochs)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _evaluate(network: Network, model: Model, dev: Sequence[Sentence], gold: Sequence[Sequence[str]]) -> Scores:
    network.eval()
    decoder = Decoder(model.config, model.tags)
    sentences = [sentence.tokens for sentence in dev if len(sentence)]
    predicted = tag_sentences(
        sentences, model, lambda batch: decoder.viterbi(network.chain(batch), time_steps(batch.lengths))
    )
    return score(zip(gold, predicted, strict=True), spans=model.config.scheme != "plain")


def _with_dim(config: Config, vectors: Vectors | None) -> Config:
    if vectors and config.words.dim not in (None, vectors.dim):
        wide = f"the vectors of {vectors.source} are {vectors.dim} wide"
        raise ConfigError(f"words.dim is {config.words.dim}, but {wide}; leave it unset")
    dim = vectors.dim if vectors else config.words.dim or 100
    return msgspec.structs.replace(config, words=msgspec.structs.replace(config.words, dim=dim))


def _on_device(network: Network, device: str) -> Network:
    try:
        return network.to(device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"device {device!r}: {str(error).splitlines()[0]}") from None


def _score(epoch: Epoch) -> float:
    return epoch.dev.score if epoch.dev else 0.0


def _brief(scores: Scores | None) -> dict[str, float] | None:
    if scores is None:
        return None
    return {"score": scores.score, "accuracy": scores.accuracy}


def _facts(data: TrainingSet, dev: Sequence[Sentence] | None, vectors: Vectors | None) -> dict[str, Any]:
    words = {token for sentence in data.sentences for token in sentence.tokens}
    return {
        "train_sentences": len(data.sentences),
        "train_tokens": data.tokens,
        "train_words": data.alphabets.trained - 1,
        "dev_sentences": None if dev is None else len(dev),
        "vectors": vectors
        and {
            "form": vectors.form,
            "words": len(vectors.words),
            "repeated": vectors.repeated,
            "coverage": dataclasses.asdict(vectors.coverage(words, data.alphabets.word_of)),
        },
    }


def _versions() -> dict[str, Any]:
    return {"python": platform.python_version(), "torch": str(torch.__version__), "numpy": np.__version__}
