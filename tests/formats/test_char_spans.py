from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagsmith import DataError, Sentence
from tagsmith.formats.jsonl import read
from tagsmith.schemes import read_spans
from tagsmith.segment import tokenize
from tagsmith.text import TokenizerName


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file.jsonl"


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch") / "file.jsonl"


def error(file: Path, *, tagged: bool = True) -> str:
    with pytest.raises(DataError) as caught:
        list(read(file, tagged=tagged))
    return str(caught.value)


class TestReadText:
    """Texts with spans of characters."""

    @staticmethod
    def line(file: Path, text: str, *spans: tuple[int, int, str], key: str = "spans") -> None:
        objects = [{"start": start, "end": end, "label": label} for start, end, label in spans]
        file.write_bytes(b"\n" + msgspec.json.encode({"text": text, key: objects}) + b"\n")

    @pytest.mark.parametrize("key", ["spans", "entities"])
    def test_a_text_is_split_and_its_spans_become_tags(self, file: Path, key: str) -> None:
        text = "New South Wales, 🇮🇳 e\u0301. Jay didn't."
        self.line(file, text, (24, 27, "PER"), (0, 15, "LOC"), (17, 19, "LOC"), (31, 34, "X-Y"), key=key)
        assert list(read(file)) == [
            Sentence(
                ["New", "South", "Wales", ",", "🇮🇳", "e\u0301", "."],
                ["B-LOC", "I-LOC", "I-LOC", "O", "B-LOC", "O", "O"],
                str(file),
                [2] * 7,
            ),
            Sentence(["Jay", "did", "n't", "."], ["B-PER", "O", "B-X-Y", "O"], str(file), [2] * 4),
        ]

    @pytest.mark.parametrize("text", ["", " \n "])
    def test_a_text_without_tokens_has_no_sentence(self, file: Path, text: str) -> None:
        self.line(file, text)
        assert list(read(file)) == []

    def test_a_text_without_spans_is_all_outside(self, file: Path) -> None:
        self.line(file, "Jay left.")
        assert next(read(file)).tags == ("O", "O", "O")

    def test_spans_can_be_left_unread(self, file: Path) -> None:
        file.write_text('{"text": "Jay left. So."}\n{"text": "a", "spans": 5}\n')
        assert [(s.tokens, s.tags) for s in read(file, tagged=False)] == [
            (("Jay", "left", "."), None),
            (("So", "."), None),
            (("a",), None),
        ]

    def test_no_sentence_ends_inside_a_span(self, file: Path) -> None:
        text = "He left Yahoo! Inc. It is. So"
        assert len(list(read_texts(file, text))) == 4
        assert [" ".join(s.tokens) for s in read_texts(file, text, (8, 19, "ORG"))] == [
            "He left Yahoo ! Inc.",
            "It is .",
            "So",
        ]
        assert [len(s) for s in read_texts(file, text, (0, 29, "ALL"))] == [9]

    def test_spans_that_touch_stay_two(self, file: Path) -> None:
        (sentence,) = read_texts(file, "東京大阪", (0, 2, "LOC"), (2, 4, "LOC"))
        assert sentence.tags == ("B-LOC", "I-LOC", "B-LOC", "I-LOC")

    def test_the_tokenizer_is_chosen(self, file: Path) -> None:
        self.line(file, "トムはTokyoに", (0, 2, "PER"), (3, 8, "LOC"))
        assert "inside the token 'トムはTokyoに'" in error(file)
        (sentence,) = read(file, tokenizer="characters")
        assert list(zip(sentence.tokens, sentence.tags or (), strict=True)) == [
            ("ト", "B-PER"),
            ("ム", "I-PER"),
            ("は", "O"),
            ("Tokyo", "B-LOC"),
            ("に", "O"),
        ]

    @pytest.mark.parametrize(
        ("spans", "message"),
        [
            ([(0, 2)], "span [0, 2) X 'Ja'; expected the borders of tokens; it ends inside the token 'Jay'"),
            ([(1, 3)], "span [1, 3) X 'ay'; expected the borders of tokens; it starts inside the token 'Jay'"),
            ([(0, 5)], "span [0, 5) X 'Jay 🇮'; expected the borders of tokens; it ends inside the token '🇮🇳'"),
            ([(0, 4)], "span [0, 4) X 'Jay '; expected the borders of tokens; it ends with white space"),
            ([(3, 6)], "span [3, 6) X ' 🇮🇳'; expected the borders of tokens; it starts with white space"),
            ([(0, 3), (0, 3)], "span [0, 3) X 'Jay'; expected spans that do not overlap; another ends at 3"),
            ([(4, 6), (0, 6)], "span [4, 6) X '🇮🇳'; expected spans that do not overlap; another ends at 6"),
            ([(0, 0)], "span [0, 0) X ''; expected 0 <= start < end <= 7, the characters of the text"),
            ([(3, 0)], "span [3, 0) X ''; expected 0 <= start < end <= 7"),
            ([(-3, 6)], "span [-3, 6) X 'Jay 🇮🇳'; expected 0 <= start < end <= 7"),
            ([(4, 8)], "span [4, 8) X '🇮🇳.'; expected 0 <= start < end <= 7"),
        ],
    )
    def test_a_span_that_tokens_can_not_spell_is_an_error(
        self, file: Path, spans: list[tuple[int, int]], message: str
    ) -> None:
        self.line(file, "Jay 🇮🇳.", *[(*span, "X") for span in spans])
        assert error(file).startswith(f"{file}:2: found {message}")

    @pytest.mark.parametrize(
        ("spans", "fault"),
        [
            ("5", "Expected `array`, got `int`"),
            ("[[0, 3]]", "Expected `object`, got `array` - at `$[0]`"),
            ('[{"start": 0, "end": 3}]', "Object missing required field `label` - at `$[0]`"),
            ('[{"start": 0, "end": 3, "label": ""}]', "Expected `str` of length >= 1 - at `$[0].label`"),
            ('[{"start": 0, "end": "3", "label": "X"}]', "Expected `int`, got `str` - at `$[0].end`"),
            ('[{"start": 0, "end": 2.5, "label": "X"}]', "Expected `int`, got `float` - at `$[0].end`"),
            ('[{"start": false, "end": 3, "label": "X"}]', "Expected `int`, got `bool` - at `$[0].start`"),
        ],
    )
    def test_spans_that_are_none_are_an_error(self, file: Path, spans: str, fault: str) -> None:
        file.write_text(f'{{"text": "Jay", "spans": {spans}}}\n')
        expected = 'a list of objects with "start", "end" (characters) and "label"'
        assert error(file) == f'{file}:1: found "spans" with a fault ({fault}); expected {expected}'

    def test_spans_and_entities_are_one_too_many(self, file: Path) -> None:
        file.write_text('{"text": "Jay", "spans": [], "entities": []}\n')
        assert error(file).endswith('expected "spans" (or "entities") beside "text"')

    def test_the_text_of_a_span_must_match_the_characters(self, file: Path) -> None:
        span = '{"start": %d, "end": %d, "label": "LOC", "text": "India", "token_start": 1}'
        file.write_text('{"text": "🦆 India", "spans": [' + span % (2, 7) + "]}\n")
        assert next(read(file)).tags == ("O", "B-LOC")
        file.write_text('{"text": "🦆 India 🦆🦆", "spans": [' + span % (3, 8) + "]}\n")  # counted as UTF-16
        assert "found span [3, 8) LOC 'ndia '; expected 'India' there, as the span says; offsets count" in error(file)

    def test_with_on_bad_a_line_with_a_bad_span_is_reported_and_skipped(self, file: Path) -> None:
        good = '{"text": "Jay left. Jay.", "spans": [{"start": 0, "end": 3, "label": "PER"}]}\n'
        file.write_text(good + good.replace("3", "2") + good)
        bad: list[DataError] = []
        assert len(list(read(file, on_bad=bad.append))) == 4
        assert [(caught.line, caught.found) for caught in bad] == [(2, "span [0, 2) PER 'Ja'")]

    @settings(max_examples=100, deadline=None)
    @given(
        st.text(st.sampled_from("aJ. ,'-\n東ターไม้🇮🇳👩\u200d1") | st.characters(codec="utf-8"), max_size=30), st.data()
    )
    def test_any_spans_of_tokens_are_found_again(self, scratch: Path, text: str, data: st.DataObject) -> None:
        tokenizer: TokenizerName = data.draw(st.sampled_from(get_args(TokenizerName)))
        offsets = tokenize(text, tokenizer)
        ends = sorted(data.draw(st.sets(st.integers(0, len(offsets)))))
        spans = [(offsets[a][0], offsets[b - 1][1], data.draw(st.sampled_from("AB"))) for a, b in pairwise(ends)]
        sentences = list(read_texts(scratch, text, *spans, tokenizer=tokenizer))
        assert [token for s in sentences for token in s.tokens] == [text[a:b] for a, b in offsets]
        found, at = [], 0
        for sentence in sentences:
            for start, end, label in read_spans(sentence.tags or ()):
                found.append((offsets[at + start][0], offsets[at + end - 1][1], label))
            at += len(sentence)
        assert found == spans


def read_texts(
    file: Path, text: str, *spans: tuple[int, int, str], tokenizer: TokenizerName = "words"
) -> Iterator[Sentence]:
    objects = [{"start": start, "end": end, "label": label} for start, end, label in spans]
    file.write_bytes(msgspec.json.encode({"text": text, "spans": objects}))
    return read(file, tokenizer=tokenizer)
