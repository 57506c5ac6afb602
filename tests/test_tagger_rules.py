"""Rules through Tagger: from words to answers, in every engine."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tagsmith import DataError, InputWithRules, Rule, Rules, Sentence, Tagger, store
from tagsmith.engine import Engine
from tagsmith.engine.compiled import NumbaEngine
from tagsmith.engine.on_torch import TorchEngine
from tagsmith.engine.plain import NumpyEngine
from tagsmith.schemes import SCHEMES, is_legal, read_spans
from tagsmith.text import Span
from tests.support.handmade import lexicon_model, of_characters, random_model
from tests.support.recipes import RECIPES

PAGE = Path(__file__).parents[1] / "docs" / "rules.md"


@pytest.fixture(scope="module")
def known() -> Tagger:
    """A tagger whose answers are known."""
    return Tagger(lexicon_model(), threads=2)


def spans(answer: object) -> list[tuple[str, str]]:
    return [(span.text, span.label) for span in answer.spans]  # type: ignore[reportAttributeAccessIssue]


class TestAnswers:
    def test_a_span_is_fixed_and_its_neighbours_make_room(self, known: Tagger):
        text = "Jay left New South Wales."
        assert spans(known.tag(text)) == [("Jay", "PER"), ("New South Wales", "LOC")]
        ruled = known.tag(text, rules=Rules([Rule(tokens=("South", "Wales"), label="LOC")]))
        assert spans(ruled) == [("Jay", "PER"), ("South Wales", "LOC")]
        assert ruled.tags == ("B-PER", "O", "O", "B-LOC", "I-LOC", "O")

    def test_tags_are_fixed_and_forbidden_and_labels_restricted(self, known: Tagger):
        text = "Jay left India"
        assert spans(known.tag(text, rules=Rules([Rule(tokens=("Jay",), tag="O")]))) == [("India", "LOC")]
        assert spans(known.tag(text, rules=Rules([Rule(not_="S-LOC")]))) == [("Jay", "PER")]
        assert spans(known.tag(text, rules=Rules([Rule(labels=("LOC",))]))) == [("India", "LOC")]
        assert all(tag.endswith("-LOC") for tag in known.tag(text, rules=Rules([Rule(tag="LOC")])).tags)

    def test_a_bonus_wins_only_where_it_is_high_enough(self, known: Tagger):
        for bonus, expected in ((5.0, [("Jay", "PER")]), (50.0, [("Jay", "LOC")]), (-50.0, [("Jay", "PER")])):
            rules = Rules([Rule(pattern=("J.*",), label="LOC", bonus=bonus)])
            assert spans(known.tag("Jay left", rules=rules)) == expected

    def test_probabilities_are_of_the_sequences_that_follow_the_rules(self, known: Tagger):
        rules = Rules([Rule(tokens=("left",), label="LOC"), Rule(tokens=("Jay",), not_="S-PER")])
        _, marginals = known.marginals("Jay left", rules=rules)
        assert marginals[1].round(9).tolist() == [float(tag == "S-LOC") for tag in known.model.tags]
        assert marginals[0, known.model.tags.index("S-PER")] == 0
        (span,) = known.tag("Jay left", rules=rules, probabilities=True).spans
        assert (span.text, span.probability) == ("left", pytest.approx(1.0))
        of_sentences = known.tag(InputWithRules("Jay left", Rules([Rule(labels=("LOC",))])), best=99).alternatives or ()
        alternatives = [other for of_one in of_sentences for other in of_one]
        assert len(alternatives) == 5  # O O, B-LOC I-LOC, O B-LOC, B-LOC O, B-LOC B-LOC
        assert all(tag in ("O", "B-LOC", "I-LOC") for other in alternatives for tag in other.tags)

    def test_rules_match_sentence_by_sentence(self, known: Tagger):
        rules = Rules([Rule(tokens=("left", "."), label="LOC"), Rule(tokens=(".", "He"), label="PER")])
        assert spans(known.tag("He left. He left.", rules=rules)) == [("left.", "LOC"), ("left.", "LOC")]

    def test_an_input_has_rules_of_its_own_beside_those_for_all(self, known: Tagger):
        shared = Rules([Rule(tokens=("India",), tag="O")])
        own = Rules(
            [Rule(start_char=4, end_char=8, label="PER"), Rule(token=4, label="LOC"), Rule(labels=("PER", "LOC"))]
        )
        inputs = ["Jay left India.", InputWithRules("He. Jay left India.", own), Sentence(["India", "Jay"])]
        with pytest.raises(DataError, match=r"^rule 1: found characters \[4, 8\) in "):
            list(known.tag(inputs, rules=shared))
        own = Rules([Rule(start_char=4, end_char=12, label="PER"), Rule(token=0, label="LOC")])
        inputs[1] = InputWithRules("He. Jay left India.", own)
        assert [spans(answer) for answer in known.tag(inputs, rules=shared)] == [
            [("Jay", "PER")],
            [("He", "LOC"), ("Jay left", "PER")],
            [("Jay", "PER")],
        ]
        assert spans(known.tag(InputWithRules(["Jay", "left"], Rules([Rule(token=1, label="PER")])))) == [
            ("Jay", "PER"),
            ("left", "PER"),
        ]

    def test_tokens_are_those_of_the_models_tokenizer(self):
        tagger = Tagger(of_characters(lexicon_model({"東": "B-LOC", "京": "E-LOC"})))
        assert spans(tagger.tag("東京南", rules=Rules([Rule(tokens=("京", "南"), label="LOC")]))) == [
            ("京南", "LOC"),
        ]

    def test_plain_tags_are_fixed_and_forbidden(self):
        tagger = Tagger(lexicon_model({"jay": "NN", "left": "VB", "the": "DT"}, "plain"))
        rules = Rules(
            [Rule(tokens=("the", "left"), label="NN"), Rule(pattern=("J.*",), not_="NN"), Rule(labels=("NN", "VB"))]
        )
        assert tagger.tag(Sentence(["Jay", "left", "the", "left"]), rules=rules).tags == ("VB", "VB", "NN", "NN")

    def test_empty_inputs_and_no_rules_are_fine(self, known: Tagger):
        rules = Rules([Rule(labels=("PER",))])
        assert [answer.tags for answer in known.tag(["", [], InputWithRules("", rules), "  \n"], rules=rules)] == [
            ()
        ] * 4
        assert (
            known.tag("Jay left", rules=Rules([]))
            == known.tag("Jay left")
            == known.tag(InputWithRules("Jay left", Rules([])))
        )

    def test_a_model_is_scored_with_rules(self, known: Tagger):
        gold = [Sentence(["Jay", "left", "Goa"], ["B-PER", "O", "B-LOC"])]
        rules = Rules([Rule(pattern=("Goa",), label="LOC")])
        assert [known.evaluate(gold, rules=given).score for given in (None, rules)] == [pytest.approx(200 / 3), 100.0]


class TestErrors:
    def test_contradictions_name_themselves_and_their_words(self, known: Tagger):
        rules = Rules([Rule(tokens=("Jay",), label="PER"), Rule(pattern=("J.*",), not_="PER")], ["f:1", "f:2"])
        with pytest.raises(DataError) as error:
            list(known.tag(["He left.", "Then Jay left."], rules=rules))
        assert str(error.value) == (
            """found rules that leave no legal tags for 'Then Jay left .': """
            """f:1: {"tokens":["Jay"],"label":"PER"} at [1, 2) 'Jay'; """
            """f:2: {"pattern":["J.*"],"not":"PER"} at [1, 2) 'Jay'; expected rules that can hold together"""
        )

    def test_those_of_an_input_and_those_for_all_can_contradict(self, known: Tagger):
        own = InputWithRules("Jay left", Rules([Rule(token=0, tag="O")], ["own"]))
        with pytest.raises(DataError, match=r": rule 1: .+ at \[0, 1\) 'Jay'; own: .+ at \[0, 1\) 'Jay'"):
            known.tag(own, rules=Rules([Rule(tokens=("Jay",), label="PER")]))

    def test_what_fits_no_model_or_no_input_is_known_before_anything_is_tagged(self, known: Tagger):
        never = (pytest.fail("an input was read") for _ in range(1))
        with pytest.raises(DataError, match=r"^rule 1: found label 'GPE'; expected one of the model's: LOC, PER$"):
            known.tag(never, rules=Rules([Rule(labels=("GPE",))]))
        with pytest.raises(DataError, match=r"^rule 1: found .+, for a place in one input; expected a rule for any"):
            known.tag(never, rules=Rules([Rule(token=0, tag="O")]))
        with pytest.raises(TypeError, match=r"expected Rules, such as Rules\(\[Rule\(...\)\]\), found list"):
            known.tag(never, rules=[Rule(tag="O")])  # type: ignore[reportArgumentType]
        with pytest.raises(DataError, match=r"^own: found tag 'X'; expected one of the model's"):
            known.tag(InputWithRules("Jay", Rules([Rule(token=0, tag="X")], ["own"])))


@pytest.mark.parametrize(
    "make", [NumpyEngine, NumbaEngine, lambda model: TorchEngine(model, "cpu")], ids=["numpy", "numba", "torch"]
)
@pytest.mark.parametrize("scheme", sorted(SCHEMES))
@pytest.mark.parametrize(
    "recipe", ["cnn, lstm, shared", "char lstm, three rnns, bigram", "no chars, two lstms, softmax"]
)
def test_every_engine_and_head_follows_the_rules(recipe: str, scheme: str, make: Callable[[store.Model], Engine]):
    """Sentences of random words; spans at random places are in the answers, and all of them are legal."""
    model = random_model(4, scheme, settings=RECIPES[recipe])
    tagger = Tagger(model, threads=1)
    tagger._engine = make(model)
    rng = np.random.default_rng(0)
    inputs, wanted = [], []
    for _ in range(20):
        length = int(rng.integers(1, 12))
        start = int(rng.integers(length))
        end = int(rng.integers(start, length)) + 1
        label = ("LOC", "PER")[rng.integers(2)]
        tokens = [f"word{rng.integers(40)}" for _ in range(length)]
        inputs.append(InputWithRules(tokens, Rules([Rule(start=start, end=end, label=label)])))
        wanted.append(Span(start, end, label))
    for answer, span in zip(tagger.tag(inputs, scheme=scheme), wanted, strict=True):
        assert span in read_spans(answer.tags)
        assert is_legal(SCHEMES[scheme], answer.tags)


def test_sentences_without_a_match_have_the_answers_they_have_without_rules():
    tagger = Tagger(random_model(6), threads=2)
    rng = np.random.default_rng(1)
    inputs = [[f"word{w}" for w in rng.integers(0, 40, rng.integers(1, 30))] for _ in range(2_000)]
    rules = Rules([Rule(tokens=("word7",), label="PER"), Rule(pattern=("word8", ".*3"), tag="O", bonus=4.0)])
    ruled = list(tagger.tag(inputs, rules=rules))
    plain = list(tagger.tag(inputs))
    changed = {i for i in range(len(inputs)) if ruled[i] != plain[i]}
    matched = {i for i, tokens in enumerate(inputs) if rules.matches(tokens)}
    assert changed
    assert changed < matched < set(range(len(inputs)))
    for i in matched:
        found = [match for match in rules.matches(inputs[i]) if match.rule.label]
        assert {Span(match.start, match.end, "PER") for match in found} <= {Span(*span[:3]) for span in ruled[i].spans}


def test_one_rules_object_serves_many_calls_and_endless_inputs(known: Tagger):
    rules = Rules([Rule(tokens=("India",), label="PER")])
    answers = known.tag(itertools.cycle(["India", "Jay"]), rules=rules)
    assert [spans(answer) for answer in itertools.islice(answers, 3)] == [
        [("India", "PER")],
        [("Jay", "PER")],
        [("India", "PER")],
    ]
    answers.close()  # type: ignore[reportAttributeAccessIssue]


class TestPage:
    """What docs/rules.md shows runs and says what it says."""

    def test_its_example_runs(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ):
        labels = {
            "jay": "S-PER",
            "india": "S-LOC",
            "ab-00": "S-ORG",
            "new": "B-LOC",
            "south": "I-LOC",
            "wales": "E-LOC",
        }
        store.save(lexicon_model(labels), tmp_path / "ner.safetensors")
        text = PAGE.read_text("utf-8")
        ((rules,), (code,)) = (
            re.findall(rf"^```{kind}\n(.*?)^```", text, re.DOTALL | re.MULTILINE) for kind in ("json", "python")
        )
        (tmp_path / "rules.jsonl").write_text(rules, "utf-8")
        monkeypatch.chdir(tmp_path)
        exec(compile(code, PAGE.name, "exec"), {"__name__": "page"})
        printed = capsys.readouterr().out.splitlines()
        found = [re.findall(r"label='(\w+)', text='([^']+)'", line) for line in printed]
        assert found == [
            [("LOC", "South Wales")],
            [("PER", "Mira")],
            [("PER", "Jay")],
            [("PER", "Jay"), ("PER", "India")],
        ]

    def test_it_shows_every_field(self):
        text = PAGE.read_text("utf-8")
        for field in Rule.__struct_encode_fields__:
            assert f'"{field}"' in text or f"`{field}`" in text, field

    def test_its_error_is_what_is_said(self, known: Tagger, tmp_path: Path):
        path = tmp_path / "rules.jsonl"
        path.write_text('{"tokens": ["South", "Wales"], "label": "LOC"}\n{"tokens": ["Wales"], "not": "LOC"}\n')
        with pytest.raises(DataError) as error:
            known.tag("He left New South Wales.", rules=Rules.read(path))
        shown = " ".join(PAGE.read_text("utf-8").split())
        assert str(error.value).replace(str(path), "rules.jsonl") in shown


def test_a_span_fixed_by_a_rule_has_probability_1_however_long_the_text():
    tagger, words = Tagger(random_model(4)), [f"word{i % 30}" for i in range(3_000)]
    rules = Rules([Rule(pattern=("word[0-4]",), label="PER")])
    answer = tagger.tag(Sentence(words), probabilities=True, min_confidence=1.0, rules=rules)
    fixed = [span.probability for span in answer.spans]
    assert len(fixed) == 500
    assert max(fixed) <= 1  # type: ignore[type-var]
    assert min(fixed) > 1 - 1e-9  # type: ignore[operator]
