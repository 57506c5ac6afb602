"""Rules as words: what makes one, where it matches, and what is said of a bad one."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith import DataError, InputWithRules, Rule, Rules
from tagsmith.rules import rules_of


def places(rules: Rules, text: str) -> list[tuple[int, int, str]]:
    return [(match.start, match.end, match.name) for match in rules.matches(text.split())]


def of(*fields: dict[str, Any]) -> Rules:
    return Rules(msgspec.convert(list(fields), list[Rule]), map(str, range(len(fields))))


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines), "utf-8")
    return path


class TestOneRule:
    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            ({}, "a rule with nothing; expected one of"),
            ({"tokens": ["a"]}, 'a rule with "tokens"; expected one of'),
            ({"label": "X", "not": "Y", "token": 0}, 'a rule with "token", "label", "not"; expected one of "label"'),
            (
                {"tokens": ["a"], "pattern": ["b"], "tag": "O"},
                'a rule with "tokens", "pattern", "tag"; expected one place',
            ),
            (
                {"token": 0, "start": 1, "end": 2, "tag": "O"},
                'a rule with "token", "start", "end", "tag"; expected one place',
            ),
            ({"end": 2, "tag": "O"}, 'a rule with "end", "tag"; expected one place'),
            ({"token": 0, "end": 2, "tag": "O"}, 'a rule with "token", "end", "tag"; expected one place'),
            ({"start_char": 2, "tag": "O"}, 'a rule with "start_char", "tag"; expected one place'),
            ({"label": "X"}, '"label" without a place'),
            ({"ignore_case": True, "tag": "O"}, '"ignore_case" without words'),
            ({"token": 0, "not": "X", "bonus": 1.0}, 'a bonus of 1.0 with "not"; expected one from -10,000 to 10,000'),
            ({"labels": ["X"], "bonus": 1.0}, 'a bonus of 1.0 with "labels"; expected one from -10,000 to 10,000'),
            ({"tokens": [], "tag": "O"}, '"tokens" of []; expected at least one string, none of them empty'),
            ({"tokens": ["a", ""], "tag": "O"}, "\"tokens\" of ['a', '']; expected at least one"),
            ({"pattern": [""], "tag": "O"}, "\"pattern\" of ['']; expected at least one"),
            ({"labels": []}, '"labels" of []; expected at least one'),
        ],
    )
    def test_what_does_not_go_together_is_an_error(self, fields: dict[str, Any], said: str):
        with pytest.raises(DataError) as error:
            msgspec.convert(fields, Rule)
        assert f"found {said}" in str(error.value)

    def test_one_string_is_no_list_of_tokens(self):
        with pytest.raises(TypeError, match="tokens must be a sequence of strings, not 'New York'"):
            Rule(tokens="New York", label="LOC")  # type: ignore[reportArgumentType]

    def test_it_is_shown_as_in_a_file(self):
        rule = Rule(tokens=("New", "York"), not_="ORG", ignore_case=True)
        assert str(rule) == '{"tokens":["New","York"],"ignore_case":true,"not":"ORG"}'
        assert msgspec.json.decode(str(rule), type=Rule) == rule


class TestMatches:
    def test_tokens_match_one_after_another_wherever_they_stand(self):
        rules = of({"tokens": ["New", "York"], "not": "X"}, {"tokens": ["York"], "tag": "O", "bonus": 1})
        assert places(rules, "New York is not York , new York") == [
            *((0, 2, "0"), (1, 2, "1"), (4, 5, "1"), (7, 8, "1")),
        ]

    def test_nothing_matches_beyond_the_end(self):
        assert places(of({"tokens": ["a"], "not": "X"}, {"tokens": ["a", "b"], "not": "X"}), "b a") == [(1, 2, "0")]
        assert places(of({"pattern": ["a", "b*"], "not": "X"}), "b a") == []
        assert places(of({"tokens": ["a"], "not": "X"}, {"pattern": ["a"], "not": "X"}), "") == []

    def test_case_counts_unless_told_otherwise(self):
        rules = of(
            {"tokens": ["New", "STRASSE"], "ignore_case": True, "not": "X"},
            {"tokens": ["New"], "not": "X"},
            {"pattern": ["n.w"], "ignore_case": True, "not": "X"},
            {"pattern": ["n.w"], "not": "X"},
        )
        assert places(rules, "nEW straße") == [(0, 2, "0"), (0, 1, "2")]
        assert places(rules, "New x new") == [(0, 1, "1"), (0, 1, "2"), (2, 3, "2"), (2, 3, "3")]

    def test_each_part_of_a_pattern_matches_a_whole_token(self):
        rules = of({"pattern": ["[A-Z]{2}", r"\d+"], "not": "X"})
        assert places(rules, "AB 12 ABC 12 AB 12x AB 7 AB") == [(0, 2, "0"), (6, 8, "0")]

    def test_rules_without_a_place_hold_at_every_token(self):
        assert places(of({"labels": ["PER"]}, {"tag": "PER", "bonus": 0.5}), "a b c") == [(0, 3, "0"), (0, 3, "1")]

    def test_of_hard_matches_over_each_other_the_leftmost_longest_holds(self):
        rules = of(
            {"tokens": ["New", "York"], "label": "LOC"},
            {"tokens": ["New", "York", "Times"], "label": "ORG"},
            {"tokens": ["York"], "tag": "O"},
            {"tokens": ["Times", "Square"], "label": "LOC"},
            {"pattern": ["T.*"], "label": "ORG"},
        )
        assert places(rules, "New York Times Square") == [(0, 3, "1")]
        assert places(rules, "New York , York Times Square") == [(0, 2, "0"), (3, 4, "2"), (4, 6, "3")]
        assert places(rules, "Times") == [(0, 1, "4")]

    def test_all_others_hold_wherever_they_match(self):
        rules = of(
            {"tokens": ["New", "York", "Times"], "label": "ORG"},
            {"tokens": ["New", "York"], "label": "LOC", "bonus": 1},
            {"tokens": ["York", "Times"], "not": "LOC"},
            {"tokens": ["York"], "labels": ["ORG"]},
            {"tokens": ["New", "York", "Times"], "label": "LOC"},
        )
        assert [name for *_, name in places(rules, "New York Times")] == ["0", "4", "1", "2", "3"]

    @given(st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=3), max_size=6), st.text("abc", max_size=9))
    def test_hard_matches_are_those_of_one_scan_from_the_left(self, entries: list[list[str]], text: str):
        rules = of(*({"tokens": entry, "tag": "O"} for entry in entries))
        expected, start = [], 0
        while start < len(text):
            longest = max((len(e) for e in entries if list(text[start : start + len(e)]) == e), default=0)
            found = [i for i, e in enumerate(entries) if len(e) == longest and list(text[start : start + longest]) == e]
            expected += [(start, start + longest, str(i)) for i in found]
            start += max(longest, 1)
        assert sorted(places(rules, " ".join(text))) == sorted(expected)

    def test_a_hundred_thousand_entries_find_what_a_search_of_each_would(self, tmp_path: Path):
        lines = [json.dumps({"tokens": [f"w{i % 300}", f"v{i}"], "label": "LOC"}) for i in range(100_000)]
        rules = Rules.read(write(tmp_path / "gazetteer.jsonl", *lines))
        text = " ".join(f"w{i % 300} v{i} w1 and" for i in range(0, 100_000, 1_000))
        found = places(rules, text)
        assert [name for *_, name in found] == [f"{tmp_path}/gazetteer.jsonl:{i + 1}" for i in range(0, 100_000, 1_000)]
        assert [(start, end) for start, end, _ in found] == [(4 * i, 4 * i + 2) for i in range(100)]


class TestPlaced:
    SENTENCES = ((0, 3), (3, 5))
    STARTS, ENDS = (0, 4, 9, 11, 14), (3, 8, 10, 13, 15)

    def placed(self, **fields: Any) -> list[list[tuple[int, int]]]:
        rules = of(fields)
        found = rules.placed(self.STARTS, self.ENDS, self.SENTENCES)
        assert rules.matches(["a", "b"]) == []
        return [[(match.start, match.end) for match in sentence] for sentence in found]

    def test_tokens_and_characters_are_counted_in_the_whole_input(self):
        assert self.placed(token=1, tag="O") == [[(1, 2)], []]
        assert self.placed(token=3, tag="O") == [[], [(0, 1)]]
        assert self.placed(start=3, end=5, label="X") == [[], [(0, 2)]]
        assert self.placed(start_char=4, end_char=10, label="X") == [[(1, 3)], []]

    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            ({"token": 5}, "tokens [5, 6) in {...}; expected 0 <= start < end <= 5, the tokens of the input"),
            ({"token": -1}, "tokens [-1, 0) in {...}; expected 0 <= start < end <= 5"),
            ({"start": 2, "end": 2}, "tokens [2, 2) in {...}; expected 0 <= start < end <= 5"),
            (
                {"start": 2, "end": 4},
                "tokens [2, 4) in {...}; expected tokens of one sentence; they are [0, 3), [3, 5)",
            ),
            (
                {"start_char": 1, "end_char": 3},
                "characters [1, 3) in {...}; expected the borders of tokens; they start",
            ),
            ({"start_char": 0, "end_char": 4}, "characters [0, 4) in {...}; expected the borders of tokens"),
            ({"start_char": 4, "end_char": 3}, "tokens [1, 1) in {...}; expected 0 <= start < end <= 5"),
        ],
    )
    def test_a_place_that_is_not_there_is_an_error(self, fields: dict[str, int], said: str):
        with pytest.raises(DataError) as error:
            self.placed(**fields, tag="O")
        shown = json.dumps({**fields, "tag": "O"}, separators=(",", ":"))
        assert f"0: found {said}".replace("{...}", shown) in str(error.value)


class TestReading:
    def test_a_file_has_a_rule_a_line_named_by_file_and_line(self, tmp_path: Path):
        lines = '\ufeff{"tokens": ["x"], "tag": "O"}', "", '  {"labels": ["PER"]}  '
        rules = Rules.read(write(tmp_path / "r.jsonl", *lines))
        assert rules.rules == (Rule(tokens=("x",), tag="O"), Rule(labels=("PER",)))
        assert rules.names == [f"{tmp_path}/r.jsonl:1", f"{tmp_path}/r.jsonl:3"]

    def test_it_may_be_gzip_and_empty(self, tmp_path: Path):
        (tmp_path / "r.gz").write_bytes(gzip.compress(b'{"not":"O"}\n'))
        assert len(Rules.read(tmp_path / "r.gz")) == 1
        assert len(Rules.read(write(tmp_path / "empty"))) == 0

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("tokens", r"found 'tokens' \(JSON is malformed.*\); expected a JSON object with \"tokens\" or "),
            ("[1]", r"found '\[1\]' \(Expected `object`, got `array`\)"),
            ('{"token": "x"}', r"found '\{\"token\": \"x\"\}' \(Expected `int \| null`, got `str` - at `\$.token`\)"),
            (
                '{"tokens": "New York", "label": "X"}',
                r"found .+ \(Expected `array \| null`, got `str` - at `\$.tokens`\)",
            ),
            ('{"tokens": ["x"], "lable": "X"}', r"found .+ \(Object contains unknown field `lable`\)"),
            ('{"tokens": ["x"]}', r"found a rule with \"tokens\"; expected one of \"label\", "),
            ('{"pattern": ["a("], "tag": "O"}', r"found 'a\(' \(missing \), unterminated subpattern at position 1\); "),
            (
                '{"token": 1, "tag": "O"}',
                r"found \{\"token\":1,\"tag\":\"O\"\}, for a place in one input; expected a rule",
            ),
            ("[" * 100_000, r"found '\[\[\["),
        ],
    )
    def test_a_bad_line_is_named(self, line: str, said: str, tmp_path: Path):
        path = write(tmp_path / "r.jsonl", '{"labels": ["PER"]}', line)
        with pytest.raises(DataError, match=rf"^{path}:2: {said}"):
            Rules.read(path)

    def test_a_file_that_is_not_there_is_named(self, tmp_path: Path):
        with pytest.raises(DataError, match=r"none\.jsonl: found no such file"):
            Rules.read(tmp_path / "none.jsonl")

    def test_rules_beside_an_input_are_named_by_its_line(self):
        assert rules_of([{"token": 0, "tag": "O"}], "x.jsonl", 7).names == ["x.jsonl:7, rule 1"]
        for bad, said in (
            (
                "O",
                r'^x.jsonl:7: found "rules" with a fault \(Expected `array`, got `str`\); expected a list of objects',
            ),
            ([{"token": 0}], r'^x.jsonl:7: found a rule with "token"; expected one of "label"'),
            ([{"pattern": ["("], "tag": "O"}], r"^x.jsonl:7, rule 1: found '\("),
        ):
            with pytest.raises(DataError, match=said):
                rules_of(bad, "x.jsonl", 7)


class TestRules:
    def test_they_add_up_and_keep_their_names(self):
        both = of({"tokens": ["a"], "not": "X"}) + Rules([Rule(pattern=("b",), not_="X")])
        assert places(both, "a b") == [(0, 1, "0"), (1, 2, "rule 1")]

    def test_other_things_are_no_rules(self):
        with pytest.raises(TypeError, match="expected a Rule, found dict"):
            Rules([{"tag": "O"}])  # type: ignore[reportArgumentType]
        with pytest.raises(TypeError, match=r"expected Rules, such as Rules\(\[Rule\(...\)\]\), found list"):
            InputWithRules("text", [Rule(token=0, tag="O")])  # type: ignore[reportArgumentType]


def test_lists_are_taken_where_tuples_are():
    rule = Rule(tokens=["New", "York"], label="LOC")  # type: ignore[arg-type]
    assert rule == Rule(tokens=("New", "York"), label="LOC")
    assert hash(Rule(labels=["LOC"])) == hash(Rule(labels=("LOC",)))  # type: ignore[arg-type]


@pytest.mark.parametrize("bonus", [10_001, -1e17, float("inf"), float("nan")])
def test_a_bonus_has_bounds(bonus: float):
    Rule(tokens=("a",), tag="O", bonus=10_000)
    with pytest.raises(DataError, match="expected one from -10,000 to 10,000"):
        Rule(tokens=("a",), tag="O", bonus=bonus)


@pytest.mark.parametrize("field", ["label", "tag", "not_"])
def test_what_holds_is_a_string(field: str):
    with pytest.raises(TypeError, match=f"^{field} must be a string, found int$"):
        Rule(tokens=("a",), **{field: 3})  # type: ignore[arg-type]
