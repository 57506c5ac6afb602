"""The tags of a Tagger: legal in every scheme, and the same for words that it looks up alike."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import numpy as np
import pytest

from tagsmith import Sentence, Tagger, store
from tagsmith.engine import make_engine
from tests.support.chains import best_path
from tests.support.handmade import DEMO, lexicon_model, random_model, random_sentences, read_demo

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


class TestSchemes:
    @pytest.mark.parametrize("inner", LEGAL)
    def test_random_weights_decode_to_legal_tags_only(self, inner: str):
        for seed, scale in itertools.product(range(25), [0.1, 3.0]):
            model = random_model(seed, inner, ["LOC", "ORG", "PER"], scale)
            engine, drawn = make_engine(model), [tokens for tokens in random_sentences(12, seed) if tokens]
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
            for answer in disturbed.tag(random_sentences(20), scheme=outer):
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


def swap_digits(token: str) -> str:
    return token.translate(str.maketrans("0123456789", "9876543210"))
