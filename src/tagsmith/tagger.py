"""Tagger, the one class most users need: train, load, save, tag, evaluate."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, overload

from tagsmith import store
from tagsmith.config import Config, with_constraints
from tagsmith.engine import make_engine
from tagsmith.engine.decoding import DecodeOptions
from tagsmith.errors import ConfigError
from tagsmith.extras import require
from tagsmith.formats import Data, not_empty, sentences_of
from tagsmith.formats.columns import Columns, OnBad
from tagsmith.metrics import Scores
from tagsmith.quality import calibration, int8_check
from tagsmith.quality.mistakes import ErrorAnalysis, PredictedSentence, analyse
from tagsmith.quality.scoring import score_sentences
from tagsmith.quality.vocabulary_classes import vocabulary_classifier
from tagsmith.rule_compiler import RuleCompiler
from tagsmith.rules import Rules
from tagsmith.schemes import PLAIN, SCHEMES
from tagsmith.tagging import Given, One, tag_all, threads_for
from tagsmith.tensors import Floats
from tagsmith.text import Sentence, Tagged

if TYPE_CHECKING:
    from tagsmith.training.history import Epoch


class Tagger:
    """A trained sequence tagger.

    Threads can share one: every method but ``train`` is safe to call from several threads, and none changes the tagger.
    An iterator that ``tag`` returned belongs to one thread at a time, like any generator. On ``cpu`` a tagger that was
    loaded before a fork gives the same answers in parent and children, even while other threads tag: the fork waits
    for the batches that are running. On ``cuda``, load it again in each child. Spawned processes load it by its path.

    Example:
        >>> tagger = Tagger.load("ner.safetensors")                          # doctest: +SKIP
        >>> [(span.text, span.label) for span in tagger.tag("Jay is from India.").spans]  # doctest: +SKIP
        [('Jay', 'PER'), ('India', 'LOC')]
    """

    def __init__(
        self,
        model: store.Model,
        device: str = "cpu",
        *,
        threads: int | None = None,
        compiled: bool = True,
        precision: str = "auto",
    ) -> None:
        self.model, self.device = model, device
        self.history: list[Epoch] = []
        """The epochs of the training that made this tagger; empty for a loaded one."""
        self._engine = make_engine(model, device, compiled, precision)
        self._threads = threads_for(threads) if self._engine.parallel else 1
        self._compiler = RuleCompiler(model.tags, model.config.scheme)

    @classmethod
    def train(
        cls,
        train: Data,
        dev: Data | None = None,
        *,
        preset: str | Config | None = None,
        init: str | os.PathLike[str] | None = None,
        vectors: str | os.PathLike[str] | None = None,
        settings: Mapping[str, Any] | None = None,
        config: str | os.PathLike[str] | None = None,
        epochs: int | None = None,
        seed: int | None = None,
        columns: Columns | None = None,
        on_bad: OnBad | None = None,
        out: str | os.PathLike[str] | None = None,
        device: str = "cpu",
        progress: bool = True,
        resume: bool = False,
        resume_anyway: bool = False,
        checkpoint_minutes: float = 10.0,
    ) -> Tagger:
        """Return a tagger trained on ``train``, at its best epoch on ``dev`` (without dev, at its last).

        Args:
            train, dev: files of tagged sentences, or iterables of ``Sentence``.
            preset: a name in ``tagsmith.config.PRESETS``, or a ``Config``. Unset: ``ner``, or the settings of ``init``.
            init: a model file to start from. Words, characters, encoder and, by the names of its tags, the head are
                taken over where the new data has them. What was kept and what is new is printed and logged.
            vectors: a file of word vectors that ``tagsmith.embeddings.load_vectors`` can read.
            settings: settings by dotted name, such as ``{"encoder.size": 100}``. They override ``config``.
            config: a TOML file of settings. It overrides the preset.
            epochs, seed: short for ``training.epochs`` and ``training.seed``.
            columns: the columns of word and tag. Unset: first and last; in CoNLL-U, FORM and UPOS.
            on_bad: called with the error of each malformed line, which is then skipped. Unset: it is raised.
            out: the model file to write, with a log (``.log.jsonl``) and a picture of the curves (``.png``) beside it.
            device: ``cpu``, or ``cuda``.
            progress: show a progress bar and a line for each epoch on stderr.
            resume: resume from the checkpoint beside ``out`` (``.checkpoint.safetensors``), if there is one. The model
                gets the same bytes as if the training had never been cut off.
            resume_anyway: the same, although settings, sentences or versions differ from those of the checkpoint.
                Words, characters and tags must not; on another dev file the best epoch so far is scored again.
            checkpoint_minutes: time between checkpoints within an epoch. There is one after each epoch anyway.

        Raises:
            DataError: a file that can't be read, learned from or written, or that another training is writing.
            ConfigError: an unknown setting, or a value that a setting can't have.
            MissingExtra: PyTorch or matplotlib is not installed.
        """
        require("torch", "PyTorch", "train")
        require("matplotlib", "matplotlib", "train")
        from tagsmith.training import fit

        inputs = fit.TrainingInputs(train=train, dev=dev, vectors=vectors, init=init, columns=columns, on_bad=on_bad)
        output = fit.output_to(out, checkpoint_minutes, resume, resume_anyway)
        changes = fit.with_shorthands(settings, epochs, seed)
        sources = fit.ConfigSources(preset=preset, file=config, settings=changes)
        result = fit.fit(inputs, sources, output, device, progress)
        tagger = cls(result.model, device)
        tagger.history = result.epochs
        return tagger

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        device: str = "cpu",
        constraints: str | None = None,
        *,
        threads: int | None = None,
        compiled: bool = True,
        precision: str = "auto",
    ) -> Tagger:
        """Return the tagger in a model file, or of a name that ``tagsmith models`` lists. On ``cpu``, without PyTorch.

        Args:
            device: ``cpu``, or ``cuda``.
            constraints: ``scheme`` or ``none``, in place of ``decode.constraints``. With ``none`` there may be tags
                that the scheme forbids; their spans are read as conlleval reads them.
            threads: how many threads may tag at the same time on ``cpu``. Unset: one for each core, up to 8.
            compiled: False tags with plain NumPy, which starts 0.4 s faster and then runs slower.
            precision: ``fp32``; ``int8``, several times as fast, for LSTM encoders on processors with AVX-512 VNNI; or
                ``auto``: int8 where it can run and ``check_int8`` found that dev scores the same, else fp32.

        Raises:
            DataError: there is no such file and no such name.
            ModelFileError: the file is damaged, changed, foreign, or of another version.
            ConfigError: other constraints, devices or precisions, or ``int8`` where it can't run.
            MissingExtra: another device than ``cpu``, without PyTorch installed.
        """
        model = store.load(path)
        if constraints is not None:
            model = replace(model, config=with_constraints(model.config, constraints))
        return cls(model, device, threads=threads, compiled=compiled, precision=precision)

    @property
    def precision(self) -> str:
        """The precision that this tagger computes in: ``fp32`` or ``int8``."""
        return self._engine.precision

    def check_int8(self, dev: Data, *, columns: Columns | None = None, on_bad: OnBad | None = None) -> Tagger:
        """Return this tagger with its dev scores in fp32 and in int8 in its model, by which ``auto`` chooses.

        Raises:
            DataError: a file that can't be read, or one without sentences.
            ConfigError: an encoder that is not an LSTM, or a processor without AVX-512 VNNI.
        """
        checked = int8_check.check_int8(self.model, self._read(dev, columns, on_bad), self._threads)
        return Tagger(checked, self.device, threads=self._threads)

    def calibrate(self, dev: Data, *, columns: Columns | None = None, on_bad: OnBad | None = None) -> Tagger:
        """Return this tagger with the ``decode.temperature`` at which its probabilities fit dev best. No tag changes.

        Raises:
            DataError: a file that can't be read, or one on which all predictions are right, or all wrong.
        """
        calibrated = calibration.calibrate(self.model, self._engine, self._read(dev, columns, on_bad))
        return Tagger(calibrated, self.device, threads=self._threads, precision=self.precision)

    def calibration_report(
        self, data: Data, *, columns: Columns | None = None, on_bad: OnBad | None = None
    ) -> calibration.CalibrationReport:
        """Return how well the probabilities fit some data, at temperature 1 and at the model's own.

        If its own was fitted on these very sentences, each fifth of them is measured at the temperature of the others.

        Raises:
            DataError: as for ``calibrate``.
        """
        return calibration.measure_calibration(self.model, self._engine, self._read(data, columns, on_bad))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the tagger to one safetensors file. The same tagger gives the same bytes."""
        store.save(self.model, path)

    @overload
    def tag(
        self,
        inputs: One,
        *,
        scheme: str = ...,
        probabilities: bool = ...,
        best: int | None = ...,
        min_confidence: float | None = ...,
        rules: Rules | None = ...,
    ) -> Tagged: ...

    @overload
    def tag(
        self,
        inputs: Iterable[Given],
        *,
        scheme: str = ...,
        probabilities: bool = ...,
        best: int | None = ...,
        min_confidence: float | None = ...,
        rules: Rules | None = ...,
    ) -> Iterator[Tagged]: ...

    def tag(
        self,
        inputs: One | Iterable[Given],
        *,
        scheme: str = "IOB2",
        probabilities: bool = False,
        best: int | None = None,
        min_confidence: float | None = None,
        rules: Rules | None = None,
    ) -> Tagged | Iterator[Tagged]:
        """Tag one input, or many, lazily and in order.

        A string is running text. It is split into sentences and tokens as the model's setting ``tokenizer`` says, and
        the result covers all of it. A ``Sentence``, or a list of tokens inside an iterable, is one sentence as it is.
        So a list of strings is a list of texts; for the tokens of one sentence write ``tagger.tag(Sentence(tokens))``.

        An iterable may be endless: two windows of about 16,000 tokens are read ahead, and memory stays flat.

        Args:
            scheme: how the tags write spans: a name in ``tagsmith.schemes.SCHEMES``. It does not change plain tags.
            probabilities: fill in the probability of each span, token and sentence (docs/probabilities.md).
            best: fill in ``alternatives``: this many of the best tag sequences of each sentence, or all if fewer exist.
            min_confidence: drop spans of lower probability, so that their tags become O. Implies ``probabilities``.
            rules: what is known of some tokens. Only tag sequences that follow the rules count (docs/rules.md).

        Raises:
            DataError: an empty token; rules that contradict each other, or do not fit the model or an input.
            ConfigError: a ``best`` below 1, a ``min_confidence`` that is not a probability, or one for plain tags.
            ValueError: an unknown scheme.
        """
        if best is not None and (not isinstance(best, int) or best < 1):
            raise ConfigError(f"best {best!r}: expected a whole number from 1")
        if not (min_confidence is None or (isinstance(min_confidence, int | float) and 0 <= min_confidence <= 1)):
            raise ConfigError(f"min_confidence {min_confidence!r}: expected a probability, from 0 to 1")
        if min_confidence is not None and self.model.is_plain:
            raise ConfigError("min_confidence: found a model of plain tags; expected one of spans, which it drops")
        has_probabilities = probabilities or min_confidence is not None
        options = DecodeOptions(has_probabilities, best=best, min_confidence=min_confidence or 0.0)
        tagged = (one for one, _ in self._tag(inputs, scheme, options, rules))
        return next(tagged) if isinstance(inputs, One) else tagged

    @overload
    def marginals(self, inputs: One, *, scheme: str = ..., rules: Rules | None = ...) -> tuple[Tagged, Floats]: ...

    @overload
    def marginals(
        self, inputs: Iterable[Given], *, scheme: str = ..., rules: Rules | None = ...
    ) -> Iterator[tuple[Tagged, Floats]]: ...

    def marginals(
        self, inputs: One | Iterable[Given], *, scheme: str = "IOB2", rules: Rules | None = None
    ) -> tuple[Tagged, Floats] | Iterator[tuple[Tagged, Floats]]:
        """Tag as ``tag`` does, and return with each result the probability of every tag at every token.

        Shape: an array [tokens, K] for each input, float64; its columns are ``model.tags``. Each row adds up to 1.
        Arguments and errors as for ``tag``.
        """
        tagged = self._tag(inputs, scheme, DecodeOptions(marginals=True), rules)
        return next(tagged) if isinstance(inputs, One) else tagged

    def _tag(
        self, inputs: One | Iterable[Given], scheme: str, options: DecodeOptions, rules: Rules | None
    ) -> Iterator[tuple[Tagged, Floats]]:
        if scheme not in SCHEMES:
            raise ValueError(f"scheme {scheme!r}; expected one of: {', '.join(SCHEMES)}")
        if isinstance(inputs, bytes | Mapping | os.PathLike) or not isinstance(inputs, One | Iterable):
            raise TypeError(f"expected a string, a Sentence, or an iterable of them, found {type(inputs).__name__}")
        if rules is not None:
            self._compiler.check_shared(rules)
        tags, tokenizer, written = self.model.tags, self.model.config.tokenizer, None if self.model.is_plain else scheme
        given, threads = ([inputs], 1) if isinstance(inputs, One) else (inputs, self._threads)
        return tag_all(given, self._engine, tags, tokenizer, written, threads, options, self._compiler, rules)

    def evaluate(
        self, data: Data, *, columns: Columns | None = None, on_bad: OnBad | None = None, rules: Rules | None = None
    ) -> Scores:
        """Return span precision, recall and F1 as conlleval computes them, and token accuracy, on tagged sentences.

        Gold spans are read in any scheme. Gold and predicted tags are compared as IOB2.

        Raises:
            DataError: a file that can't be read, a gold tag that is not a span tag, or rules as in ``tag``.
        """
        gold = sentences_of(data, columns, on_bad, self.model.config.tokenizer)
        return self._score(zip(gold, self.tag(gold, rules=rules), strict=True))

    def analyse(
        self, data: Data, *, columns: Columns | None = None, on_bad: OnBad | None = None, rules: Rules | None = None
    ) -> ErrorAnalysis:
        """Return the scores of ``evaluate``, and an analysis of each gold and each predicted span.

        Raises:
            DataError: as for ``evaluate``.
        """
        gold = sentences_of(data, columns, on_bad, self.model.config.tokenizer)
        predicted = list(self.tag(gold, probabilities=True, rules=rules))
        rows = []
        for sentence, tagged in zip(gold, predicted, strict=True):
            of_spans = [span.probability for span in tagged.spans if span.probability is not None]
            probabilities = tagged.token_probabilities if self.model.is_plain else of_spans
            rows.append(PredictedSentence(sentence, tagged.tags, probabilities))
        return analyse(rows, self._score(zip(gold, predicted, strict=True)), vocabulary_classifier(self.model))

    def _score(self, predicted: Iterable[tuple[Sentence, Tagged]]) -> Scores:
        return score_sentences(predicted, PLAIN if self.model.is_plain else "IOB2")

    def _read(self, data: Data, columns: Columns | None, on_bad: OnBad | None) -> list[Sentence]:
        return not_empty(data, sentences_of(data, columns, on_bad, self.model.config.tokenizer))
