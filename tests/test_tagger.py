from __future__ import annotations

import itertools
import os
import random
import re
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagsmith import ConfigError, DataError, Sentence, Tagged, TaggedSpan, Tagger, store
from tagsmith.engine import make_engine
from tagsmith.schemes import read_spans
from tests.support.chains import best_path
from tests.support.handmade import lexicon_model, of_characters, random_model, same

DEMO = Path(str(files("tagsmith") / "demo"))
SMALL: dict[str, Any] = {"words.dim": 4, "chars.dim": 4, "chars.filters": 4, "encoder.size": 8}
TEXT = "Jay is from India. Mira Okafor  likes New South Wales,\nnot Jay."
LEGAL = {  # each as a grammar of its own, apart from the code
    "IOB1": re.compile(r"(?:O |I-(\w+) (?:[IB]-\1 )*)*"),
    "IOB2": re.compile(r"(?:O |B-(\w+) (?:I-\1 )*)*"),
    "IOE1": re.compile(r"(?:O |(?:[IE]-(\w+) (?=[IE]-\1 ))*I-\w+ )*"),
    "IOE2": re.compile(r"(?:O |(?:I-(\w+) (?=[IE]-\1 ))*E-\w+ )*"),
    "BIOES": re.compile(r"(?:O |S-\w+ |B-(\w+) (?:I-\1 )*E-\1 )*"),
    "BILOU": re.compile(r"(?:O |U-\w+ |B-(\w+) (?:I-\1 )*L-\1 )*"),
    "BMES": re.compile(r"(?:O |S-\w+ |B-(\w+) (?:M-\1 )*E-\1 )*"),
}


@pytest.fixture
def known() -> Tagger:
    """A tagger whose answers are known."""
    return Tagger(lexicon_model())


@pytest.fixture(scope="module")
def tiny(tiny_model_path: Path) -> Tagger:
    """A trained tagger, for a moment and not good."""
    return Tagger.load(tiny_model_path)


def sentences(count: int, seed: int = 0, longest: int = 60) -> list[list[str]]:
    """Sentences of random words and lengths, some of them empty."""
    rng = random.Random(seed)
    return [[f"word{rng.randrange(40)}" for _ in range(rng.randrange(longest))] for _ in range(count)]


class TestOneInput:
    def test_running_text_gives_tokens_tags_and_sentences(self, known: Tagger):
        answer = known.tag("Jay is from India. Mira left.")
        assert answer == Tagged(
            text="Jay is from India. Mira left.",
            tokens=("Jay", "is", "from", "India", ".", "Mira", "left", "."),
            tags=("B-PER", "O", "O", "B-LOC", "O", "O", "O", "O"),
            spans=(TaggedSpan(0, 1, "PER", "Jay", 0, 3), TaggedSpan(3, 4, "LOC", "India", 12, 17)),
            starts=(0, 4, 7, 12, 17, 19, 24, 28),
            sentences=((0, 5), (5, 8)),
        )
        assert answer.offsets == ((0, 3), (4, 6), (7, 11), (12, 17), (17, 18), (19, 23), (24, 28), (28, 29))

    def test_a_span_of_several_tokens_has_the_text_between_them(self, known: Tagger):
        spans = known.tag(TEXT).spans
        assert [(span.text, span.label) for span in spans] == [
            ("Jay", "PER"),
            ("India", "LOC"),
            ("Mira Okafor", "PER"),
            ("New South Wales", "LOC"),
            ("Jay", "PER"),
        ]

    def test_a_span_keeps_the_white_space_of_the_text(self, known: Tagger):
        (span,) = known.tag("Mira \n Okafor left").spans
        assert span == TaggedSpan(0, 2, "PER", "Mira \n Okafor", 0, 13)

    def test_a_sentence_is_taken_as_it_is(self, known: Tagger):
        answer = known.tag(Sentence(["Jay.", "Jay", "New", "South", "Wales"]))
        assert answer.text == "Jay. Jay New South Wales"
        assert answer.tags == ("O", "B-PER", "B-LOC", "I-LOC", "I-LOC")
        assert answer.spans == (
            TaggedSpan(1, 2, "PER", "Jay", 5, 8),
            TaggedSpan(2, 5, "LOC", "New South Wales", 9, 24),
        )
        assert answer.offsets == ((0, 4), (5, 8), (9, 12), (13, 18), (19, 24))
        assert answer.sentences == ((0, 5),)

    @settings(max_examples=60, deadline=None)
    @given(st.text(st.sampled_from("Jay India. New \n\tWales😀e\u0301中'") | st.characters(codec="utf-8"), max_size=60))
    def test_offsets_point_at_the_tokens_of_any_text(self, text: str):
        answer = Tagger(random_model(5)).tag(text)
        assert answer.text == text
        assert [text[start:end] for start, end in answer.offsets] == list(answer.tokens)
        assert len(answer.tags) == len(answer.tokens)
        for span in answer.spans:
            assert span.text == text[span.start_char : span.end_char]
            assert span.start_char == answer.offsets[span.start][0]
            assert span.end_char == answer.offsets[span.end - 1][1]
        assert [i for start, end in answer.sentences for i in range(start, end)] == list(range(len(answer)))

    def test_spans_are_those_the_tags_spell_sentence_by_sentence(self, tiny: Tagger):
        answer = tiny.tag(" ".join(token for sentence in read_demo("test") for token in sentence.tokens))
        spelled = [
            (start + span.start, start + span.end, span.label)
            for start, end in answer.sentences
            for span in read_spans(answer.tags[start:end])
        ]
        assert [span[:3] for span in answer.spans] == spelled
        assert len(answer.sentences) > 10
        assert len(spelled) > 5

    def test_text_is_split_as_the_model_says(self):
        words = {"ジ": "B-PER", "ェ": "I-PER", "イ": "E-PER", "東": "B-LOC", "京": "E-LOC", "南": "S-LOC"}
        text = "ジェイは東京。\u3000南、iPhone15で"
        answer = Tagger(of_characters(lexicon_model(words))).tag(text)
        assert answer.tokens == (*"ジェイは東京。南、", "iPhone15", "で")
        assert answer.sentences == ((0, 7), (7, 11))
        assert answer.spans == (
            TaggedSpan(0, 3, "PER", "ジェイ", 0, 3),
            TaggedSpan(4, 6, "LOC", "東京", 4, 6),
            TaggedSpan(7, 8, "LOC", "南", 8, 9),
        )
        assert Tagger(lexicon_model(words)).tag(text).tokens[:4] == ("ジェイは", "東", "京", "。")

    def test_tokens_are_never_split(self):
        answer = Tagger(of_characters(lexicon_model({"東京": "S-LOC"}))).tag(Sentence(["東京", "タワー"]))
        assert (answer.tokens, answer.tags) == (("東京", "タワー"), ("B-LOC", "O"))

    @pytest.mark.parametrize("text", ["", " ", "\n\n \t"])
    def test_a_text_without_tokens_has_an_empty_answer(self, known: Tagger, text: str):
        assert known.tag(text) == Tagged(text, (), (), (), (), ())

    def test_a_sentence_without_tokens_has_an_empty_answer(self, known: Tagger):
        assert known.tag(Sentence([])) == Tagged("", (), (), (), (), ())

    @pytest.mark.parametrize("give", [lambda tokens: Sentence(tokens), lambda tokens: [tokens]])
    def test_an_empty_token_is_an_error(self, known: Tagger, give: Any):
        with pytest.raises(DataError, match="found an empty token; expected tokens of at least one character"):
            list(known.tag(give(["Jay", ""])))

    @pytest.mark.parametrize("bad", [1, None, b"Jay", ["Jay"]])
    def test_a_token_that_is_no_string_is_a_type_error(self, known: Tagger, bad: Any):
        with pytest.raises(TypeError, match=f"a token must be a string, found {type(bad).__name__}"):
            list(known.tag([["Jay", bad]]))

    def test_a_token_may_hold_spaces_and_anything_else(self, known: Tagger):
        tokens = ["New York", " ", "\n", "\0", "\ud800", "e\u0301", "x" * 5000]
        answer = known.tag(Sentence(tokens))
        assert answer.tokens == tuple(tokens)
        assert [answer.text[start:end] for start, end in answer.offsets] == tokens


class TestManyInputs:
    def test_text_sentences_token_lists_and_generators_give_the_same_tags(self, known: Tagger):
        tokens = ["Jay", "is", "from", "India", "."]
        tags = ("B-PER", "O", "O", "B-LOC", "O")
        assert known.tag("Jay is from India.").tags == tags
        assert known.tag(Sentence(tokens)).tags == tags
        for many in (
            ["Jay is from India."],
            [tokens],
            [tuple(tokens)],
            [Sentence(tokens)],
            (t for t in [tokens]),
            iter([Sentence(tokens, ["O"] * 5)]),
        ):
            assert [answer.tags for answer in known.tag(many)] == [tags]

    def test_a_list_of_strings_is_a_list_of_texts(self, known: Tagger):
        answers = list(known.tag(["Jay left.", "", "From India"]))
        assert [answer.tokens for answer in answers] == [("Jay", "left", "."), (), ("From", "India")]

    def test_kinds_may_be_mixed(self, known: Tagger):
        answers = list(known.tag(["Jay left.", ["Mira", "Okafor"], Sentence(["India"]), []]))
        assert [len(answer.spans) for answer in answers] == [1, 1, 1, 0]

    def test_no_inputs_have_no_answers(self, known: Tagger):
        assert list(known.tag([])) == []

    def test_answers_come_in_the_order_of_the_inputs(self, tiny: Tagger):
        inputs = sentences(300)
        assert [list(answer.tokens) for answer in tiny.tag(inputs)] == inputs

    @pytest.mark.parametrize("scheme", ["IOB2", "BIOES"])
    def test_an_answer_does_not_depend_on_its_neighbours(self, scheme: str):
        drawn = Tagger(random_model(11, scheme))
        inputs = sentences(80, seed=1)
        alone = [drawn.tag(Sentence(tokens)).tags for tokens in inputs]
        assert len(set(alone)) > 50
        assert [answer.tags for answer in drawn.tag(inputs)] == alone
        assert [answer.tags for answer in drawn.tag(inputs[::-1])] == alone[::-1]
        order = random.Random(2).sample(range(80), 80)
        assert [answer.tags for answer in drawn.tag([inputs[i] for i in order])] == [alone[i] for i in order]

    def test_answers_are_the_same_on_both_sides_of_a_window(self, tiny: Tagger, monkeypatch: pytest.MonkeyPatch):
        inputs = sentences(100, seed=3)
        whole = list(tiny.tag(inputs))
        monkeypatch.setattr("tagsmith.tagging._WINDOW", 50)
        assert list(tiny.tag(inputs)) == whole

    def test_nothing_is_read_before_the_first_answer_is_asked_for(self, known: Tagger):
        read: list[str] = []
        answers = known.tag(read.append("x") or "Jay" for _ in range(3))
        assert read == []
        assert next(answers).tags == ("B-PER",)

    def test_a_generator_without_end_yields_and_is_read_ahead_by_two_windows(self, known: Tagger):
        read = 0

        def endless() -> Iterator[list[str]]:
            nonlocal read
            for read in range(100_000):
                yield ["Jay", "is", f"number{read}"]
            pytest.fail("all was read before the first answer")

        first = list(itertools.islice(known.tag(endless()), 5))
        assert [answer.tokens[2] for answer in first] == [f"number{i}" for i in range(5)]
        assert read <= 2 * 16_384 // 3

    def test_a_generator_of_empty_texts_without_end_yields_too(self, known: Tagger):
        def endless() -> Iterator[str]:
            yield from [""] * 100_000
            pytest.fail("all was read before the first answer")

        assert next(known.tag(endless())).tokens == ()

    def test_memory_stays_flat_over_a_long_generator(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("tagsmith.tagging._WINDOW", 500)
        monkeypatch.setattr("tagsmith.engine.compiled._INPUTS", 2**16)
        monkeypatch.setattr("tagsmith.engine.word_cache._PRODUCTS", 2**16)
        tagged = Tagger(random_model(1))

        def peak(count: int) -> int:
            tracemalloc.start()
            for answer in tagged.tag([f"a{i}", "word1", "word2", f"b{i}"] for i in range(count)):
                assert len(answer) == 4
            _, highest = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            return highest

        peak(300)
        assert peak(6_000) < peak(300) + 2**20  # all answers together would take ten times as much

    def test_an_error_in_the_input_reaches_the_caller(self, known: Tagger):
        def broken() -> Iterator[str]:
            yield "Jay"
            raise RuntimeError("the source broke")

        with pytest.raises(RuntimeError, match="the source broke"):
            list(known.tag(broken()))


class TestSchemes:
    @pytest.mark.parametrize("inner", LEGAL)
    def test_random_weights_decode_to_legal_tags_only(self, inner: str):
        for seed, scale in itertools.product(range(25), [0.1, 3.0]):
            model = random_model(seed, inner, ["LOC", "ORG", "PER"], scale)
            engine, drawn = make_engine(model), [tokens for tokens in sentences(12, seed) if tokens]
            path = [model.tags[i] for i in best_path(engine, engine.read(drawn))]
            for tags in np.split(path, np.cumsum([len(tokens) for tokens in drawn])[:-1]):
                assert LEGAL[inner].fullmatch("".join(f"{tag} " for tag in tags)), tags

    @pytest.mark.parametrize("inner", ["IOE2", "BIOES"])
    @pytest.mark.parametrize("outer", LEGAL)
    def test_trained_weights_disturbed_at_random_give_legal_answers(self, tiny: Tagger, inner: str, outer: str):
        model = tiny.model if inner == "BIOES" else random_model(0, inner)
        rng = np.random.default_rng(0)
        for _ in range(5):
            weights = {name: w + rng.normal(0, 1, w.shape).astype(np.float32) for name, w in model.weights.items()}
            disturbed = Tagger(store.Model(model.config, model.alphabets, model.tags, weights, {}))
            for answer in disturbed.tag(sentences(20), scheme=outer):
                assert LEGAL[outer].fullmatch("".join(f"{tag} " for tag in answer.tags)), answer.tags

    def test_the_scheme_changes_the_tags_and_not_the_spans(self, known: Tagger):
        iob2, bioes = known.tag(TEXT), known.tag(TEXT, scheme="BIOES")
        assert bioes.spans == iob2.spans
        assert [tag for tag in iob2.tags if tag != "O"] == [
            *("B-PER", "B-LOC"),
            *("B-PER", "I-PER"),
            *("B-LOC", "I-LOC", "I-LOC"),
            "B-PER",
        ]
        assert [tag for tag in bioes.tags if tag != "O"] == [
            *("S-PER", "S-LOC"),
            *("B-PER", "E-PER"),
            *("B-LOC", "I-LOC", "E-LOC"),
            "S-PER",
        ]

    @pytest.mark.parametrize(("scheme", "tag"), [("IOB1", "I-LOC"), ("IOE1", "I-LOC"), ("BILOU", "U-LOC")])
    def test_spans_on_both_sides_of_a_sentence_boundary_do_not_touch(self, known: Tagger, scheme: str, tag: str):
        answer = known.tag("we saw India\n\nIndia left", scheme=scheme)
        assert answer.sentences == ((0, 3), (3, 5))
        assert answer.tags == ("O", "O", tag, tag, "O")

    def test_a_model_of_either_scheme_answers_in_either(self):
        words = {"mira": "B-PER", "okafor": "I-PER", "jay": "B-PER"}
        assert Tagger(lexicon_model(words, "IOB2")).tag("Jay Mira Okafor", scheme="BIOES").tags == (
            "S-PER",
            "B-PER",
            "E-PER",
        )

    @pytest.mark.parametrize("scheme", ["IOB", "bioes", "plain", ""])
    def test_an_unknown_scheme_is_an_error_at_once(self, known: Tagger, scheme: str):
        with pytest.raises(ValueError, match=f"scheme '{scheme}'; expected one of: IOB1, IOB2, "):
            known.tag(["Jay"], scheme=scheme)


class TestConstraints:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        store.save(lexicon_model(), tmp_path / "m")
        return tmp_path / "m"

    def test_without_them_the_best_tags_of_all_are_read_as_conlleval_reads_them(self, path: Path):
        tokens = Sentence(["Mira", "left", "Okafor", "South"])  # B-PER O E-PER I-LOC
        free = Tagger.load(path, constraints="none").tag(tokens)
        assert free.tags == ("B-PER", "O", "B-PER", "B-LOC")
        assert [span[:3] for span in free.spans] == [(0, 1, "PER"), (2, 3, "PER"), (3, 4, "LOC")]
        held = Tagger.load(path, constraints="scheme").tag(tokens)
        assert held == Tagger.load(path).tag(tokens) != free

    def test_they_are_part_of_the_tagger_and_of_what_it_saves(self, path: Path, tmp_path: Path):
        Tagger.load(path, constraints="none").save(tmp_path / "free")
        loaded = Tagger.load(tmp_path / "free")
        assert loaded.model.config.decode.constraints == "none"
        loaded = Tagger.load(tmp_path / "free", constraints="scheme")
        assert same(loaded.model, lexicon_model())

    def test_others_are_refused_with_those_there_are(self, path: Path):
        with pytest.raises(ConfigError, match=r"^decode\.constraints: .*'IOB2'; expected one of: scheme, none$"):
            Tagger.load(path, constraints="IOB2")


class TestNormalisation:
    def test_words_that_differ_in_their_digits_alone_get_the_same_tags(self, tiny: Tagger):
        pairs = [(["Flight", "747", "on", "1996-08-30"], ["Flight", "123", "on", "2024-12-01"]), (["B2B"], ["B7B"])]
        for one, other in pairs:
            assert tiny.tag(Sentence(one)).tags == tiny.tag(Sentence(other)).tags

    def test_training_and_tagging_look_words_up_alike(self, tiny: Tagger):
        alphabets = tiny.model.alphabets
        trained = alphabets.words.strings[1 : alphabets.trained]
        assert all(word == word.lower() and not re.search("[1-9]", word) for word in trained)
        tokens = {line.split("\t")[0] for line in (DEMO / "train.conll").read_text().splitlines() if line}
        assert any(re.search("[1-9]", token) for token in tokens)
        for token in tokens:
            assert alphabets.word_id(token) > 0
            assert alphabets.word_id(token) == alphabets.word_id(token.lower()) == alphabets.word_id(swap_digits(token))

    def test_without_the_spelling_case_makes_no_difference(self, tiny: Tagger):
        weights = {name: w * (not name.startswith("chars.")) for name, w in tiny.model.weights.items()}
        blind = Tagger(store.Model(tiny.model.config, tiny.model.alphabets, tiny.model.tags, weights, {}))
        lower = [sentence.tokens for sentence in read_demo("test")]
        assert [a.tags for a in blind.tag(lower)] == [a.tags for a in blind.tag([t.lower() for t in s] for s in lower)]


class TestEvaluate:
    def test_scores_count_the_spans_of_gold_and_answers(self, known: Tagger):
        gold = [
            Sentence(["Jay", "left", "India"], ["B-PER", "O", "B-LOC"]),
            Sentence(["Ravi", "left", "Mira", "Okafor"], ["B-PER", "O", "B-PER", "O"]),
        ]
        scores = known.evaluate(gold)
        assert (scores.overall.gold, scores.overall.predicted, scores.overall.correct) == (4, 3, 2)
        assert scores.labels["PER"].as_dict()["gold"] == 3
        assert (scores.sentences, scores.tokens, scores.correct_tokens) == (2, 7, 5)
        assert scores.f1 == pytest.approx(100 * 4 / 7)

    @pytest.mark.parametrize(
        "tags",
        [
            ["B-PER", "O", "B-LOC", "I-LOC", "I-LOC"],
            ["I-PER", "O", "I-LOC", "I-LOC", "I-LOC"],
            ["S-PER", "O", "B-LOC", "I-LOC", "E-LOC"],
        ],
    )
    def test_gold_tags_of_any_scheme_count_as_the_spans_they_spell(self, known: Tagger, tags: list[str]):
        scores = known.evaluate([Sentence(["Jay", "left", "New", "South", "Wales"], tags)])
        assert (scores.f1, scores.accuracy) == (100.0, 100.0)

    def test_a_file_and_its_sentences_score_the_same(self, tiny: Tagger):
        from_file = tiny.evaluate(DEMO / "test.conll")
        assert from_file == tiny.evaluate(read_demo("test"))
        assert from_file == tiny.evaluate(sentence for sentence in read_demo("test"))
        assert 0 < from_file.f1 < 100

    def test_no_sentences_score_zero(self, known: Tagger):
        scores = known.evaluate([])
        assert (scores.f1, scores.accuracy, scores.sentences) == (0.0, 0.0, 0)

    def test_a_sentence_without_gold_tags_is_an_error(self, known: Tagger):
        with pytest.raises(DataError, match="found a sentence without tags; expected gold tags to score against"):
            known.evaluate([Sentence(["Jay"])])

    def test_a_gold_tag_that_is_no_span_tag_is_an_error_with_its_line(self, known: Tagger, tmp_path: Path):
        (tmp_path / "gold.conll").write_text("Jay B-PER\n\nis O\nout NOUN\n")
        with pytest.raises(DataError) as caught:
            known.evaluate(tmp_path / "gold.conll")
        assert (caught.value.line, caught.value.found) == (4, "tag 'NOUN' at token 'out'")

    def test_malformed_lines_go_to_on_bad(self, known: Tagger, tmp_path: Path):
        (tmp_path / "gold.conll").write_text("Jay B-PER\nis O O\nIndia B-LOC\n")
        bad: list[DataError] = []
        scores = known.evaluate(tmp_path / "gold.conll", on_bad=bad.append)
        assert [error.line for error in bad] == [2]
        assert (scores.tokens, scores.f1) == (2, 100.0)


class TestTraining:
    def test_plain_tags_are_learned_given_and_scored_by_accuracy(self, tmp_path: Path):
        nouns, verbs = ["dogs", "cats", "birds", "fish"], ["run", "sing", "swim"]
        data = [Sentence(["the", n, v, "."], ["DET", "NOUN", "VERB", "PUNCT"]) for n in nouns for v in verbs]
        options = {**SMALL, "scheme": "plain", "training.learning_rate": 0.2, "encoder.dropout_in": 0.0}
        options |= {"chars.dropout": 0.0, "encoder.dropout_out": 0.0}
        trained = Tagger.train(data, data, settings=options, epochs=12, progress=False, out=tmp_path / "pos")
        scores = trained.evaluate(data)
        assert scores.accuracy == 100.0
        assert (scores.spans, scores.score) == (False, 100.0)
        assert scores.labels["NOUN"].correct == 12
        for one in (trained, Tagger.load(tmp_path / "pos")):
            answer = one.tag("the cats sing.", scheme="BIOES")
            assert (answer.tags, answer.spans) == (("DET", "NOUN", "VERB", "PUNCT"), ())

    def test_a_saved_tagger_answers_like_the_one_that_was_trained(self, tmp_path: Path):
        data = read_demo("train")[:20]
        trained = Tagger.train(data, settings=SMALL, epochs=1, progress=False)
        trained.save(tmp_path / "m.safetensors")
        loaded = Tagger.load(tmp_path / "m.safetensors")
        assert same(loaded.model, trained.model)
        assert list(loaded.tag(s.tokens for s in data)) == list(trained.tag(s.tokens for s in data))

    def test_without_out_no_file_is_written(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.chdir(tmp_path)
        Tagger.train(read_demo("train")[:3], settings=SMALL, epochs=1, progress=False)
        assert list(tmp_path.iterdir()) == []

    def test_with_out_model_log_and_picture_are_written(self, tmp_path: Path):
        Tagger.train(read_demo("train")[:3], settings=SMALL, epochs=1, progress=False, out=tmp_path / "m.safetensors")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["m.log.jsonl", "m.png", "m.safetensors"]

    def test_history_holds_the_epochs_of_this_training(self, tmp_path: Path):
        data = read_demo("train")[:5]
        trained = Tagger.train(data, data, settings=SMALL, epochs=2, progress=False, out=tmp_path / "m")
        assert [epoch.number for epoch in trained.history] == [1, 2]
        assert Tagger.load(tmp_path / "m").history == []

    def test_shorthands_win_over_a_file_and_must_agree_with_settings(self, tmp_path: Path):
        data = read_demo("train")[:3]
        (tmp_path / "my.toml").write_text("[training]\nepochs = 5\nseed = 5\n")
        given = {**SMALL, "training.epochs": "1"}
        trained = Tagger.train(data, settings=given, config=tmp_path / "my.toml", epochs=1, seed=9, progress=False)
        assert (trained.model.config.training.epochs, trained.model.config.training.seed) == (1, 9)
        with pytest.raises(ConfigError, match=r"training\.seed is given twice: 5 by its name, 9 by its short form"):
            Tagger.train(data, settings={**SMALL, "training.seed": 5}, seed=9, progress=False)

    def test_without_progress_nothing_is_printed(self, capfd: pytest.CaptureFixture[str]):
        Tagger.train(read_demo("train")[:3], settings=SMALL, epochs=1, progress=False)
        assert capfd.readouterr() == ("", "")

    @pytest.mark.parametrize("out", ["nowhere/m.safetensors", "."])
    def test_a_place_that_cannot_be_written_to_is_an_error_before_anything_is_read(self, tmp_path: Path, out: str):
        with pytest.raises(DataError) as caught:
            Tagger.train(tmp_path / "also-missing.conll", out=tmp_path / out, progress=False)
        assert caught.value.source == str((tmp_path / out).parent if "/" in out else tmp_path)


class TestDevices:
    def test_an_unknown_device_is_an_error(self, tiny_model_path: Path):
        with pytest.raises(ConfigError, match="device 'abacus'"):
            Tagger.load(tiny_model_path, device="abacus")

    def test_the_torch_engine_gives_the_same_answers(self, tiny: Tagger):
        # "cpu:0" is the CPU to PyTorch, and no "cpu" to make_engine.
        inputs = [sentence.tokens for sentence in read_demo("test")]
        assert list(Tagger(tiny.model, device="cpu:0").tag(inputs)) == list(tiny.tag(inputs))


WITHOUT_TORCH = """
import sys

class Blocker:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        hidden = name.partition(".")[0] in ("torch", "matplotlib")
        return None if hidden else self.finder.find_spec(name, path, target)

sys.meta_path[:] = [Blocker(finder) for finder in sys.meta_path]
from tagsmith import MissingExtra, Sentence, Tagger

model, corpus, folder = sys.argv[1:]
tagger = Tagger.load(model)
print(len(tagger.tag("Jay is from India.").tags))
print(f"{tagger.evaluate(corpus).f1:.6f}")
tagger.save(folder + "/again.safetensors")
for attempt in (
    lambda: Tagger.train(corpus, out=folder + "/new.safetensors"),
    lambda: Tagger.load(model, device="cuda"),
):
    try:
        attempt()
    except MissingExtra as error:
        print(error)
print(any(name.partition(".")[0] in ("torch", "matplotlib") for name in sys.modules))
"""


def test_loading_tagging_and_evaluating_need_no_torch_and_training_says_how_to_get_it(
    tiny: Tagger, tiny_model_path: Path, tmp_path: Path
):
    command = [sys.executable, "-c", WITHOUT_TORCH, tiny_model_path, DEMO / "test.conll", tmp_path]
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
    missing = "PyTorch is not installed; install it with: pip install 'tagsmith[train]'"
    f1 = f"{tiny.evaluate(DEMO / 'test.conll').f1:.6f}"
    assert run.stdout.splitlines() == ["5", f1, missing, missing, "False"]
    assert [path.name for path in tmp_path.iterdir()] == ["again.safetensors"]


def swap_digits(token: str) -> str:
    return token.translate(str.maketrans("0123456789", "9876543210"))


def read_demo(part: str) -> Sequence[Sentence]:
    from tagsmith.formats import conll

    return list(conll.read(DEMO / f"{part}.conll"))


@pytest.mark.parametrize("inputs", [5, b"Jay", {"a": 1}, Path("a.txt")])
def test_inputs_of_another_kind_are_refused(tiny_model_path: Path, inputs: Any):
    with pytest.raises(TypeError, match="expected a string, a Sentence, or an iterable of them"):
        Tagger.load(tiny_model_path).tag(inputs)


@pytest.mark.parametrize("one", [None, 5, b"Jay", {"tokens": ["a"]}])
def test_an_input_of_another_kind_among_many_is_refused(tiny_model_path: Path, one: Any):
    with pytest.raises(TypeError, match="expected a string, a Sentence or a list of tokens"):
        list(Tagger.load(tiny_model_path).tag([one]))


def test_training_on_names_of_files_in_a_list_is_refused():
    with pytest.raises(TypeError, match="one file or an iterable of Sentence"):
        Tagger.train(["a.conll", "b.conll"])  # type: ignore[list-item]
