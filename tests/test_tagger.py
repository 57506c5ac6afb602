"""The Tagger: what it gives for one input, what it scores, and where it runs."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagsmith import ConfigError, DataError, Sentence, Tagged, TaggedSpan, Tagger, store
from tagsmith.schemes import read_spans
from tests.support.handmade import lexicon_model, of_characters, random_model, read_demo, same

DEMO = Path(str(files("tagsmith") / "demo"))
SMALL: dict[str, Any] = {"words.dim": 4, "chars.dim": 4, "chars.filters": 4, "encoder.size": 8}
TEXT = "Jay is from India. Mira Okafor  likes New South Wales,\nnot Jay."


@pytest.fixture
def known() -> Tagger:
    """A tagger whose answers are known."""
    return Tagger(lexicon_model())


@pytest.fixture(scope="module")
def tiny(tiny_model_path: Path) -> Tagger:
    """A trained tagger, for a moment and not good."""
    return Tagger.load(tiny_model_path)


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
