"""The training loop, top to bottom: stochastic gradient descent as Ma and Hovy (2016, §3) do it."""

from __future__ import annotations

import dataclasses
import math
import platform
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import msgspec
import numpy as np
import torch

from tagsmith.batching import time_steps
from tagsmith.config import Config, Training
from tagsmith.embeddings import Vectors
from tagsmith.engine import check_device
from tagsmith.engine.decoding import Decoder, tag_sentences
from tagsmith.errors import ConfigError
from tagsmith.metrics import Scores, score
from tagsmith.model.network import Network, Weights, initial_weights
from tagsmith.store import Model, shapes
from tagsmith.text import Sentence
from tagsmith.training import checkpoint
from tagsmith.training.checkpoint import Checkpoint, Epoch, Progress, digest_of
from tagsmith.training.data import TrainingSet, dev_rows, random, training_set, word_vectors
from tagsmith.training.inherit import inherit, known_vectors
from tagsmith.training.optimizers import Average, copy_into, learning_rate, make_optimizer


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


@dataclass(frozen=True)
class Resumption:
    """Where a training keeps its checkpoint, how often, and whether it goes on from the one that is there."""

    path: Path
    minutes: float = 10.0
    """Between checkpoints within an epoch; there is one after every epoch anyway."""
    resume: bool = False
    anyway: bool = False
    """Go on though settings, data or versions are not those of the checkpoint."""


def train(
    sentences: Sequence[Sentence],
    dev: Sequence[Sentence] | None,
    config: Config,
    vectors: Vectors | None,
    observers: Sequence[Observer] = (),
    device: str = "cpu",
    checkpoints: Resumption | None = None,
    old: Model | None = None,
) -> Run:
    """Train on sentences; keep the epoch with the best score on dev (without dev, the last).

    An interrupt from the keyboard ends a training that has finished an epoch, as running out of patience does. What
    ended it (``epochs``, ``patience`` or ``interrupt``) stands in the model. While the dev score is 0, a later epoch
    counts as better, so patience begins with the first span found.

    All randomness is a function of the seed, the epoch and the step, so a training that goes on from a checkpoint
    ends in the same bytes as one that was never cut off.

    Args:
        old: a model to start from; all that it has in common with the new one is taken over.

    Raises:
        DataError: sentences that can't be learned from.
        ConfigError: a model to start from with other sizes, a width of word vectors other than that of the vector
            file, a device that is not there, settings under which the loss grows beyond all numbers, or a checkpoint
            of another training.
    """
    check_device(device)
    known = known_vectors(old, vectors) if old else vectors
    config = _with_dim(config, known)
    settings = config.training
    data = training_set(sentences, config, vectors, old.alphabets if old else None)
    gold = [] if dev is None else dev_rows(dev, config.scheme)
    rng = np.random.default_rng(settings.seed)
    weights = initial_weights(shapes(config, data.alphabets, len(data.tags)), rng)
    weights["words.vectors"] = word_vectors(data.alphabets, known, config.words.dim or 0, rng)
    facts = {**_facts(data, dev, vectors), "versions": _versions(), "device": device}
    start = Model(config, data.alphabets, data.tags, weights, facts)
    if old:
        weights, inherited = inherit(old, start)
        facts["inherited"] = inherited.lines("the model to start from")
        start = Model(config, data.alphabets, data.tags, weights, facts)
    identity = {
        "config": msgspec.to_builtins(config),
        "data": digest_of(data.sentences, dev, weights=weights),
        "versions": facts["versions"],
        "device": device,
    }

    with torch.random.fork_rng(), _threads(settings.threads):
        learner = Learner(start, data, device)
        if checkpoints and checkpoints.resume and checkpoints.path.exists():
            learner.restore(checkpoint.load(checkpoints.path, identity, anyway=checkpoints.anyway))
        progress = learner.progress
        saved = time.monotonic()

        def save_checkpoint(if_older_than: float = 0.0) -> None:
            nonlocal saved
            if checkpoints and time.monotonic() - saved >= if_older_than:
                checkpoint.save(learner.checkpoint(), identity, checkpoints.path)
                saved = time.monotonic()

        stopped = None
        try:
            for observer in observers:
                observer.started({**facts, "config": identity["config"]})
                for epoch in progress.epochs:
                    observer.finished_epoch(epoch)
            while not (stopped := _ended(progress, settings)):
                for loss, tokens in learner.epoch():
                    for observer in observers:
                        observer.stepped(progress.number, loss, tokens)
                    save_checkpoint(if_older_than=60 * checkpoints.minutes if checkpoints else 0.0)
                scores = None if dev is None else learner.evaluate(dev, gold)
                learner.finish_epoch(scores)
                for observer in observers:
                    observer.finished_epoch(progress.epochs[-1])
                save_checkpoint()
        except KeyboardInterrupt:
            if progress.best is None:
                raise
            stopped = "interrupt"
        finally:
            for observer in observers:
                observer.finished()
        best = progress.best
        assert best is not None  # there is at least one epoch, and the first is the best so far
        brief = None if best.dev is None else {"score": best.dev.score, "accuracy": best.dev.accuracy}
        known = {"epochs": len(progress.epochs), "best_epoch": best.number, "stopped": stopped, "dev": brief}
        model = Model(config, data.alphabets, data.tags, learner.best_weights(), {**facts, **known})
    return Run(model, progress.epochs)


class Learner:
    """A network on its way: the steps of an epoch, its evaluation, and all of its state."""

    def __init__(self, start: Model, data: TrainingSet, device: str) -> None:
        self.model, self.data = start, data
        self.settings = start.config.training
        self.network = _on_device(Network(start), device)
        self.weights = dict(self.network.named_parameters())
        self.optimizer = make_optimizer(self.settings, self.weights)
        self.average = Average(self.settings.average, self.weights)
        self.progress = Progress()
        self.best: dict[str, torch.Tensor] = {}

    def epoch(self) -> Iterator[tuple[float, int]]:
        """The rest of the epoch under way: after each step, the mean loss of its sentences, and its tokens."""
        self.network.train()
        progress, settings = self.progress, self.settings
        rate = learning_rate(settings, progress.number)
        began, before = time.perf_counter(), progress.seconds
        unknown_rate = self.model.config.words.unknown_rate
        for batch, tags in self.data.batches(settings, unknown_rate, progress.number, progress.steps):
            seed = random(settings.seed, progress.number, progress.steps + 1).integers(2**63)
            torch.manual_seed(int(seed))
            self.optimizer.zero_grad()
            self.optimizer.catch_up(torch.from_numpy(batch.words).to(self.network.words.vectors.device))
            nll = self.network.nll(batch, tags)
            nll.backward()
            self.optimizer.step(rate)
            if settings.average:
                self.optimizer.flush()
                self.average.update()
            loss = nll.item()
            if not math.isfinite(loss):
                found = f"the loss became {loss} in epoch {progress.number}"
                raise ConfigError(f"{found}; lower training.learning_rate")
            progress.steps += 1
            progress.loss += loss * len(batch.lengths)
            progress.tokens += len(batch.words)
            progress.seconds = before + time.perf_counter() - began
            yield loss, len(batch.words)
        self.optimizer.flush()

    def evaluate(self, dev: Sequence[Sentence], gold: Sequence[Sequence[str]]) -> Scores:
        """The scores of the network as it stands, or of its average."""
        self.network.eval()
        model, network = self.model, self.network
        decoder = Decoder(model.config, model.tags)
        sentences = [sentence.tokens for sentence in dev if len(sentence)]
        with self.average.in_place():
            predicted = tag_sentences(
                sentences, model, lambda batch: decoder.viterbi(network.chain(batch), time_steps(batch.lengths))
            )
        return score(zip(gold, predicted, strict=True), spans=model.config.scheme != "plain")

    def finish_epoch(self, scores: Scores | None) -> None:
        """Close the epoch under way; its weights are kept if it is the best."""
        progress, best = self.progress, self.progress.best
        now, so_far = (0.0 if dev is None else dev.score for dev in (scores, best and best.dev))
        is_best = scores is None or best is None or now > so_far or not so_far
        epoch = Epoch(
            progress.number,
            progress.loss / len(self.data.sentences),
            learning_rate(self.settings, progress.number),
            progress.seconds,
            progress.tokens / progress.seconds,
            scores,
            is_best,
        )
        if is_best:
            with self.average.in_place():
                weights = {name: weight.detach().clone() for name, weight in self.weights.items()}
            self.best = weights
        progress.epochs.append(epoch)
        progress.steps, progress.loss, progress.tokens, progress.seconds = 0, 0.0, 0, 0.0

    def best_weights(self) -> Weights:
        """The weights of the best epoch under the model file's names."""
        copy_into(self.weights, self.best)
        return self.network.weights()

    def checkpoint(self) -> Checkpoint:
        """All that changes while training."""
        tensors = {"weights": self.weights, "best": self.best}
        return Checkpoint(
            self.progress, {**tensors, "optimizer": self.optimizer.state(), "average": self.average.state()}
        )

    def restore(self, kept: Checkpoint) -> None:
        """Go on from a checkpoint.

        Raises:
            ConfigError: its weights have other shapes.
        """
        groups = {"weights": {}, "best": {}, "optimizer": {}, "average": {}, **kept.tensors}
        for name, weight in self.weights.items():
            found = groups["weights"].get(name)
            if found is None or found.shape != weight.shape:
                shape = None if found is None else list(found.shape)
                raise ConfigError(f"the checkpoint's {name} is {shape}; this training's is {list(weight.shape)}")
        copy_into(self.weights, groups["weights"])
        self.best = dict(groups["best"])
        self.optimizer.load_state(groups["optimizer"])
        self.average.load_state(groups["average"])
        self.progress = kept.progress


def _ended(progress: Progress, settings: Training) -> str | None:
    done, best = len(progress.epochs), progress.best
    if best and done - best.number >= settings.patience:
        return "patience"
    return "epochs" if done >= settings.epochs else None


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


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
    names = {"tagsmith": version("tagsmith"), "torch": str(torch.__version__), "numpy": np.__version__}
    return {"python": platform.python_version(), **names}
