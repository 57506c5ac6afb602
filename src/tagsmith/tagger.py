"""Tagger, the one class most users need: train, load, save, tag, evaluate."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from tagsmith import store
from tagsmith.config import Config, configure, with_constraints, with_temperature
from tagsmith.engine import int8_obstacle, make_engine
from tagsmith.engine.decoding import DecodeOptions
from tagsmith.errors import ConfigError, DataError
from tagsmith.extras import require
from tagsmith.files import check_distinct, check_writable
from tagsmith.formats import Data, not_empty, sentences_of
from tagsmith.formats.columns import Columns, OnBad
from tagsmith.metrics import Scores, score
from tagsmith.quality import calibration
from tagsmith.quality.mistakes import ErrorAnalysis, PredictedSentence, analyse
from tagsmith.quality.vocabulary_classes import vocabulary_classifier
from tagsmith.rule_compiler import RuleCompiler
from tagsmith.rules import Rules
from tagsmith.schemes import SCHEMES, sentence_spans
from tagsmith.tagging import Given, One, tag_all, threads_for
from tagsmith.tensors import Floats
from tagsmith.text import Sentence, Tagged

if TYPE_CHECKING:
    from tagsmith.training.checkpoint import Epoch


class Tagger:
    """A trained sequence tagger.

    Threads can share one: every method but ``train`` is safe to call from several at once, and none changes the tagger.
    Only an iterator that ``tag`` gave belongs to one thread at a time, as Python's generators do. On ``cpu`` a tagger
    loaded before a fork answers the same in parent and children, also when other threads tag at that moment: the fork
    waits for the batches at work. On ``cuda``, load it anew in each child. Spawned processes load it by its path.

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
        self.model = model
        self.device = device
        self.history: list[Epoch] = []
        """The epochs of the training that made this tagger; empty for a loaded one."""
        self._engine = make_engine(model, device, compiled, precision)
        self._threads = threads_for(threads) if self._engine.parallel else 1
        self._is_plain = model.config.scheme not in SCHEMES
        self._ruling = RuleCompiler(model.tags, model.config.scheme)

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
        """A tagger trained on ``train``, at its best epoch on ``dev`` (without dev, at its last).

        Args:
            train, dev: files of tagged sentences, or iterables of ``Sentence``.
            preset: the settings to start from: a name in ``tagsmith.config.PRESETS``, or a ``Config``. Unset:
                ``ner``, or those of ``init``.
            init: a model file to start from: its words, characters, encoder and, by the tags' names, its head are
                taken over as far as the new data has them; what was kept and what is new is printed and logged.
            vectors: a file of word vectors, in any form that ``tagsmith.embeddings.load_vectors`` reads.
            settings: settings by dotted name, such as ``{"encoder.size": 100}``; they win over ``config``.
            config: a TOML file of settings; it wins over the preset.
            epochs, seed: shorthands for ``training.epochs`` and ``training.seed``; given both ways, they must agree.
            columns: where word and tag stand: first and last by default, in CoNLL-U under FORM and UPOS.
            on_bad: called with the error of each malformed line, which is then left out; unset, it is raised.
            out: write the model here, and a log (``.log.jsonl``) and a picture of the curves (``.png``) beside it.
            device: ``cpu``, or ``cuda``.
            progress: show a progress bar and a line an epoch on stderr.
            resume: go on from the checkpoint that an unfinished training left beside ``out``
                (``.checkpoint.safetensors``); the model will have the same bytes as if it had never been cut off.
                Without a checkpoint and without a model, training starts from the beginning.
            resume_anyway: as ``resume``, though settings, sentences or versions are not those of the checkpoint. Words,
                characters and tags must be; the best epoch so far is scored anew on another dev file.
            checkpoint_minutes: time between checkpoints within an epoch; there is one after each epoch anyway.

        Raises:
            DataError: a file that can't be read or learned from, or a place for ``out`` that can't be written to, or
                that another training is at work on.
            ConfigError: a setting that is unknown, or has a value it can't have.
            MissingExtra: PyTorch is not installed.
        """
        require("torch", "PyTorch", "train")
        require("matplotlib", "matplotlib", "train")
        from tagsmith.embeddings import load_vectors
        from tagsmith.training import loop
        from tagsmith.training.checkpoint import checkpoint_beside
        from tagsmith.training.lock import lock_beside, sole_training
        from tagsmith.training.log import TrainingLog, draw_curves, files_beside
        from tagsmith.training.progress_bar import ProgressBar

        beside = None if out is None else files_beside(Path(out))
        resume = resume or resume_anyway
        checkpoints = None
        if out is not None:
            checkpoints = loop.Resumption(checkpoint_beside(Path(out)), checkpoint_minutes, resume, resume_anyway)
            for place in (out, *(beside or ()), checkpoints.path, lock_beside(Path(out))):
                check_writable(place)
                check_distinct(place, train, dev, vectors, config, init)
        elif resume:
            raise ConfigError("resume without out: the checkpoint is looked for beside the model")

        shorthands = {"training.epochs": epochs, "training.seed": seed}
        given = {name: value for name, value in shorthands.items() if value is not None}
        for name, value in given.items():
            if (twice := (settings or {}).get(name, value)) != value and str(twice) != str(value):
                raise ConfigError(f"{name} is given twice: {twice} by its name, {value} by its short form")
        with nullcontext() if out is None else sole_training(Path(out)):
            if out is not None and checkpoints is not None:
                checkpoints.check(Path(out))
            old = None if init is None else store.load(init)
            start = with_temperature(old.config, 1.0) if old else "ner"  # other weights ask for another temperature
            chosen = configure(preset or start, {**(settings or {}), **given}, config)
            train_sentences = not_empty(train, sentences_of(train, columns, on_bad, chosen.tokenizer))
            dev_sentences = (
                None if dev is None else not_empty(dev, sentences_of(dev, columns, on_bad, chosen.tokenizer))
            )
            table = None if vectors is None else load_vectors(vectors)
            log = None if beside is None else TrainingLog(beside[0])
            observers = [*([ProgressBar()] if progress else []), *([log] if log else [])]
            try:
                run = loop.train(train_sentences, dev_sentences, chosen, table, observers, device, checkpoints, old)
                tagger = cls(run.model, device)
                if dev_sentences is not None and not int8_obstacle(run.model, device):
                    tagger = tagger.check_int8(dev_sentences)
                tagger.history = run.epochs
                if out is not None:
                    tagger.save(out)
            except BaseException:
                if log is not None:
                    log.drop()
                raise
            if beside is not None and log is not None:
                log.keep()
                draw_curves(run.epochs, beside[1])
            if checkpoints is not None and run.model.training["stopped"] != "interrupt":
                checkpoints.path.unlink(missing_ok=True)
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
        """The tagger in a model file, or of a name that ``tagsmith models`` lists. On ``cpu`` this needs no PyTorch.

        Args:
            device: ``cpu``, or ``cuda``.
            constraints: ``scheme`` or ``none``, in place of the model's own ``decode.constraints``. With ``none`` tags
                may come out that the scheme forbids; their spans are read as conlleval reads them.
            threads: how many may tag at the same time on ``cpu``. Unset: as many as the process has cores, up to 8.
            compiled: False tags with plain NumPy: 0.4 s quicker to start, for a text or two, and slower from then on.
            precision: ``fp32``; ``int8``, several times as fast, for LSTM encoders on processors with AVX-512 VNNI; or
                ``auto``: int8 where it can run and ``check_int8`` found that dev scores the same, else fp32.

        Raises:
            DataError: there is no such file and no such name.
            ModelFileError: the file is damaged, changed, foreign, or of another version.
            ConfigError: constraints or a precision of another name, a device that is not there, or ``int8`` where it
                can't run.
            MissingExtra: another device than ``cpu``, without PyTorch installed.
        """
        model = store.load(path)
        if constraints is not None:
            model = replace(model, config=with_constraints(model.config, constraints))
        return cls(model, device, threads=threads, compiled=compiled, precision=precision)

    @property
    def precision(self) -> str:
        """What this tagger computes in: ``fp32`` or ``int8``."""
        return self._engine.precision

    def check_int8(self, dev: Data, *, columns: Columns | None = None, on_bad: OnBad | None = None) -> Tagger:
        """This tagger with a check in its model: what dev scores in fp32 and in int8, by which ``auto`` chooses.

        The weights stay as they are; what int8 computes with is made of them when a model is loaded.

        Raises:
            DataError: a file that can't be read, or one without sentences.
            ConfigError: an encoder that is no LSTM, or a processor without AVX-512 VNNI.
        """
        fp32, int8 = (Tagger(self.model, threads=self._threads, precision=precision) for precision in ("fp32", "int8"))
        sentences = not_empty(dev, sentences_of(dev, columns, on_bad, self.model.config.tokenizer))
        before, after = fp32.evaluate(sentences), int8.evaluate(sentences)
        check = store.Int8Check(
            dev_score_fp32=before.score,
            dev_score_int8=after.score,
            dev_sentences=before.sentences,
            dev_tokens=before.tokens,
        )
        return Tagger(replace(self.model, int8=check), self.device, threads=self._threads)

    def calibrate(self, dev: Data, *, columns: Columns | None = None, on_bad: OnBad | None = None) -> Tagger:
        """This tagger with the ``decode.temperature`` under which its probabilities fit dev best. Its tags stay.

        Raises:
            DataError: a file that can't be read, or one on which all answers are right, or all wrong.
        """
        sentences = not_empty(dev, sentences_of(dev, columns, on_bad, self.model.config.tokenizer))
        calibrated = calibration.calibrate(self.model, self._engine, sentences)
        return Tagger(calibrated, self.device, threads=self._threads, precision=self.precision)

    def calibration_report(
        self, data: Data, *, columns: Columns | None = None, on_bad: OnBad | None = None
    ) -> calibration.CalibrationReport:
        """How far this tagger's probabilities can be believed, at temperature 1 and at its own.

        Where its own was fitted on these very sentences, each fifth of them is measured at that of the others.

        Raises:
            DataError: as for ``calibrate``.
        """
        sentences = not_empty(data, sentences_of(data, columns, on_bad, self.model.config.tokenizer))
        return calibration.measure_calibration(self.model, self._engine, sentences)

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
        """The answer for one input, or the answers for many, lazily and in order.

        A string is running text: it is split into sentences and tokens, as the model's setting ``tokenizer`` says, and
        the answer covers all of it. A ``Sentence``, or a list of tokens inside an iterable, is one sentence as it is.
        So a list of strings is a list of texts; for the tokens of one sentence write ``tagger.tag(Sentence(tokens))``.

        An iterable may be endless: two windows of some 16,000 tokens are read ahead, and memory stays flat.

        Args:
            scheme: how the answer's tags write spans: a name in ``tagsmith.schemes.SCHEMES``. Plain tags have none.
            probabilities: fill in how probable each span, token and sentence of the answer is (docs/probabilities.md).
            best: fill in ``alternatives``, so many of each sentence's best tag sequences, or all where there are fewer.
            min_confidence: leave out every span whose probability is below this, its tags becoming O; what stays has
                ``probabilities``.
            rules: what is known of some tokens: all is of the tag sequences that follow them (docs/rules.md).

        Raises:
            DataError: an empty token; rules that contradict each other, or do not fit the model or an input.
            ConfigError: a ``best`` that is no whole number from 1, a ``min_confidence`` that is no probability, or one
                for a model of plain tags, which spell no spans.
            ValueError: an unknown scheme.
        """
        if best is not None and (not isinstance(best, int) or best < 1):
            raise ConfigError(f"best {best!r}: expected a whole number from 1")
        if not (min_confidence is None or (isinstance(min_confidence, int | float) and 0 <= min_confidence <= 1)):
            raise ConfigError(f"min_confidence {min_confidence!r}: expected a probability, from 0 to 1")
        if min_confidence is not None and self._is_plain:
            raise ConfigError("min_confidence: found a model of plain tags; expected one of spans, which it leaves out")
        wanted = DecodeOptions(
            probabilities or min_confidence is not None, best=best, min_confidence=min_confidence or 0.0
        )
        answers = (tagged for tagged, _ in self._answers(inputs, scheme, wanted, rules))
        return next(answers) if isinstance(inputs, One) else answers

    @overload
    def marginals(self, inputs: One, *, scheme: str = ..., rules: Rules | None = ...) -> tuple[Tagged, Floats]: ...

    @overload
    def marginals(
        self, inputs: Iterable[Given], *, scheme: str = ..., rules: Rules | None = ...
    ) -> Iterator[tuple[Tagged, Floats]]: ...

    def marginals(
        self, inputs: One | Iterable[Given], *, scheme: str = "IOB2", rules: Rules | None = None
    ) -> tuple[Tagged, Floats] | Iterator[tuple[Tagged, Floats]]:
        """What ``tag`` gives, each answer with the probability of every tag at every token.

        Shape: an array [tokens, K] for each answer, float64; its columns are ``model.tags``. Each row adds up to 1.
        Arguments and errors as for ``tag``.
        """
        answers = self._answers(inputs, scheme, DecodeOptions(marginals=True), rules)
        return next(answers) if isinstance(inputs, One) else answers

    def _answers(
        self, inputs: One | Iterable[Given], scheme: str, wanted: DecodeOptions, rules: Rules | None
    ) -> Iterator[tuple[Tagged, Floats]]:
        if scheme not in SCHEMES:
            raise ValueError(f"scheme {scheme!r}; expected one of: {', '.join(SCHEMES)}")
        if isinstance(inputs, bytes | Mapping | os.PathLike) or not isinstance(inputs, One | Iterable):
            raise TypeError(f"expected a string, a Sentence, or an iterable of them, found {type(inputs).__name__}")
        if rules is not None:
            self._ruling.check_shared(rules)
        written, tokenizer = None if self._is_plain else scheme, self.model.config.tokenizer
        given, threads = ([inputs], 1) if isinstance(inputs, One) else (inputs, self._threads)
        return tag_all(given, self._engine, self.model.tags, tokenizer, written, threads, wanted, self._ruling, rules)

    def evaluate(
        self, data: Data, *, columns: Columns | None = None, on_bad: OnBad | None = None, rules: Rules | None = None
    ) -> Scores:
        """Span precision, recall and F1 as conlleval gives them, and token accuracy, against gold sentences.

        Gold spans are read whatever their scheme; gold and predicted tags are compared as IOB2.

        Raises:
            DataError: a file that can't be read, a gold tag that is no span tag, or rules as in ``tag``.
        """
        gold = sentences_of(data, columns, on_bad, self.model.config.tokenizer)
        return self._score(zip(gold, self.tag(gold, rules=rules), strict=True))

    def analyse(
        self, data: Data, *, columns: Columns | None = None, on_bad: OnBad | None = None, rules: Rules | None = None
    ) -> ErrorAnalysis:
        """The scores that ``evaluate`` gives, and what became of each gold and each predicted span.

        Raises:
            DataError: as for ``evaluate``.
        """
        gold = sentences_of(data, columns, on_bad, self.model.config.tokenizer)
        answers = list(self.tag(gold, probabilities=True, rules=rules))
        answered = []
        for sentence, answer in zip(gold, answers, strict=True):
            of_spans = [span.probability for span in answer.spans if span.probability is not None]
            probabilities = answer.token_probabilities if self._is_plain else of_spans
            answered.append(PredictedSentence(sentence, answer.tags, probabilities))
        return analyse(answered, self._score(zip(gold, answers, strict=True)), vocabulary_classifier(self.model))

    def _score(self, answered: Iterable[tuple[Sentence, Tagged]]) -> Scores:
        pairs = ((self._gold_tags(sentence), answer.tags) for sentence, answer in answered)
        return score(pairs, spans=not self._is_plain)

    def _gold_tags(self, sentence: Sentence) -> Sequence[str]:
        if sentence.tags is None:
            found = "a sentence without tags"
            raise DataError(found, "gold tags to score against", source=sentence.source, line=sentence.line_of())
        if self._is_plain:
            return sentence.tags
        return SCHEMES["IOB2"].write(sentence_spans(sentence), len(sentence))
