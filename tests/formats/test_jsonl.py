from __future__ import annotations

import dataclasses
import io
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagsmith import Alternative, DataError, Sentence, Tagged, TaggedSpan
from tagsmith.formats.jsonl import dumps, read, read_objects, to_object, to_spans_object, write, write_spans
from tagsmith.schemes import SCHEMES, read_spans


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


class TestRead:
    def test_tokens_and_tags_are_read(self, file: Path) -> None:
        file.write_text('{"tokens": ["Jay", "left"], "tags": ["B-PER", "O"], "id": 7}\n\n{"tokens":["a"],"tags":["O"]}')
        assert list(read(file)) == [
            Sentence(["Jay", "left"], ["B-PER", "O"], str(file), [1, 1]),
            Sentence(["a"], ["O"], str(file), [3]),
        ]

    def test_tags_can_be_left_unread(self, file: Path) -> None:
        file.write_text('{"tokens": ["a"], "tags": 5}\n{"tokens": ["b"]}\n')
        assert [(s.tokens, s.tags) for s in read(file, tagged=False)] == [(("a",), None), (("b",), None)]

    def test_escapes_and_line_separators_stay_inside_a_token(self, file: Path) -> None:
        file.write_text('{"tokens": ["\\ud83e\\udd86", "a\\nb", "\u2028"], "tags": ["O", "O", "O"]}\n', "utf-8")
        assert next(read(file)).tokens == ("🦆", "a\nb", "\u2028")

    def test_an_empty_sentence_is_kept(self, file: Path) -> None:
        file.write_text('{"tokens": [], "tags": []}\n{"tokens": ["a"], "tags": ["O"]}\n')
        assert [len(sentence) for sentence in read(file)] == [0, 1]

    def test_an_empty_tag_is_an_error(self, file: Path) -> None:
        file.write_text('{"tokens": ["a", "b"], "tags": ["O", ""]}\n')
        with pytest.raises(DataError, match=r"an empty tag \(number 2\)"):
            list(read(file))

    @pytest.mark.parametrize("text", ["", "\n", " \r\n\n", "\ufeff"])
    def test_a_file_without_tokens_has_no_sentences(self, file: Path, text: str) -> None:
        file.write_text(text, "utf-8")
        assert list(read(file)) == []

    def test_a_byte_order_mark_and_crlf_do_no_harm(self, file: Path) -> None:
        file.write_bytes(b'\xef\xbb\xbf{"tokens": ["a"], "tags": ["O"]}\r\n{"tokens": ["b"], "tags": ["O"]}\r\n')
        assert [sentence.tokens for sentence in read(file)] == [("a",), ("b",)]

    @pytest.mark.parametrize(
        "line",
        [
            "{",
            "nonsense",
            "[]",
            '"text"',
            "5",
            "null",
            "{'tokens': []}",
            '{"tokens": ["a"]} {"tokens": ["b"]}',
            '{"tokens": ["a",]}',
            '{"tokens": [NaN]}',
            '{"tokens": ["\\ud800"]}',
            '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}",
        ],
        ids=lambda line: line[:20],
    )
    def test_what_is_no_json_object_is_an_error(self, file: Path, line: str) -> None:
        file.write_text(f'{{"tokens": [], "tags": []}}\n{line}\n')
        message = error(file)
        assert message.startswith(f"{file}:2: found {line[:60]!r} (")
        assert message.endswith("; expected a JSON object")

    @pytest.mark.parametrize(
        ("line", "found", "expected"),
        [
            ("{}", "an object with no keys", '"tokens" (a list of strings)'),
            ('{"text": "a", "id": 1}', "an object with keys 'text', 'id'", '"spans" (or "entities") beside "text"'),
            ('{"text": 5, "spans": []}', "an object with keys 'text', 'spans'", '"text" (a string)'),
            ('{"text": "a", "tokens": "a"}', "an object with keys 'text', 'tokens'", '"tokens" (a list of strings)'),
            ('{"tokens": "a", "tags": ["O"]}', "an object with keys 'tokens', 'tags'", '"tokens" (a list of strings)'),
            ('{"tokens": ["a", 1], "tags": []}', "an object with keys 'tokens', 'tags'", '"tokens" (a list of'),
            ('{"tokens": ["a"]}', "an object with keys 'tokens'", 'a list of strings under "tags"'),
            ('{"tokens": ["a"], "tags": [null]}', "an object with keys 'tokens', 'tags'", 'strings under "tags"'),
            ('{"tokens": ["a", ""], "tags": ["O", "O"]}', "an empty token (number 2)", "a token"),
            ('{"tokens": ["a"], "tags": []}', "0 tags", "1, one for each token"),
            ('{"tokens": ["a"], "tags": ["O", "O"]}', "2 tags", "1, one for each token"),
        ],
    )
    def test_an_object_that_is_no_tagged_sentence_is_an_error(
        self, file: Path, line: str, found: str, expected: str
    ) -> None:
        file.write_text(f"\n{line}\n")
        message = error(file)
        assert message.startswith(f"{file}:2: found {found}; expected ")
        assert expected in message

    def test_with_on_bad_malformed_lines_are_reported_and_skipped(self, file: Path) -> None:
        file.write_text('{\n{"tokens": ["a"], "tags": ["O"]}\n{"tokens": 5}\n{"tokens": ["b"], "tags": ["O"]}\n')
        bad: list[DataError] = []
        assert [sentence.tokens for sentence in read(file, on_bad=bad.append)] == [("a",), ("b",)]
        assert [(caught.source, caught.line) for caught in bad] == [(str(file), 1), (str(file), 3)]

    def test_objects_are_read_with_all_their_keys(self, file: Path) -> None:
        file.write_text('{"text": "a b", "id": 12345678901234567890123, "more": {"x": [1.5, null]}}\n\n{}\n')
        assert list(read_objects(file)) == [
            (1, {"text": "a b", "id": 12345678901234567890123, "more": {"x": [1.5, None]}}),
            (3, {}),
        ]


class TestWriteSpans:
    def test_one_object_a_sentence(self) -> None:
        stream = io.StringIO(newline="")
        sentences = [
            Sentence(["Jay", "e\u0301", "🇮🇳", '"'], ["I-PER", "O", "B-LOC", "L-LOC"]),
            Sentence(["a"], ["O"]),
            Sentence([], []),
        ]
        assert write_spans(sentences, stream) == 3
        assert [msgspec.json.decode(line) for line in stream.getvalue().splitlines()] == [
            {
                "text": 'Jay e\u0301 🇮🇳 "',
                "spans": [{"start": 0, "end": 3, "label": "PER"}, {"start": 7, "end": 11, "label": "LOC"}],
            },
            {"text": "a", "spans": []},
            {"text": "", "spans": []},
        ]

    def test_a_tag_that_is_none_is_an_error(self) -> None:
        with pytest.raises(DataError, match=r"^a\.conll:3: found tag 'NN'"):
            write_spans([Sentence(["a"], ["NN"], "a.conll", [3])], io.StringIO())

    @settings(max_examples=100, deadline=None)
    @given(st.lists(st.tuples(st.sampled_from(["Jay", "n't", "...", "東", "🇮🇳", "3.5"]), st.booleans()), min_size=1))
    def test_what_was_written_is_read_back(self, scratch: Path, rows: list[tuple[str, bool]]) -> None:
        tokens = [token for token, _ in rows]
        tags = [f"{'B' if i % 3 == 0 else 'I'}-X" if inside else "O" for i, (_, inside) in enumerate(rows)]
        stream = io.StringIO(newline="")
        write_spans([Sentence(tokens, tags)], stream)
        scratch.write_bytes(stream.getvalue().encode())
        found = list(read(scratch))
        assert [token for sentence in found for token in sentence.tokens] == tokens
        assert [tag for sentence in found for tag in sentence.tags or ()] == SCHEMES["IOB2"].write(
            read_spans(tags), len(tags)
        )


class TestWrite:
    @staticmethod
    def written(*sentences: Sentence) -> str:
        stream = io.StringIO(newline="")
        assert write(sentences, stream) == len(sentences)
        return stream.getvalue()

    def test_one_object_a_line(self) -> None:
        text = self.written(Sentence(["Jay", '"é\n'], ["B-PER", "O"]), Sentence(["a"]))
        assert text == '{"tokens":["Jay","\\"é\\n"],"tags":["B-PER","O"]}\n{"tokens":["a"]}\n'

    TOKENS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4)

    @settings(max_examples=100, deadline=None)
    @given(st.lists(st.lists(st.tuples(TOKENS, TOKENS), min_size=1, max_size=4), max_size=4), st.booleans())
    def test_what_was_written_is_read_back(
        self, scratch: Path, rows: list[list[tuple[str, str]]], tagged: bool
    ) -> None:
        sentences = [Sentence([a for a, _ in row], [b for _, b in row] if tagged else None) for row in rows]
        scratch.write_bytes(self.written(*sentences).encode())
        found = [(sentence.tokens, sentence.tags) for sentence in read(scratch, tagged=tagged)]
        assert found == [(sentence.tokens, sentence.tags) for sentence in sentences]


class TestAnswer:
    TAGGED = Tagged(
        text="Jay left",
        tokens=("Jay", "left"),
        tags=("B-PER", "O"),
        spans=(TaggedSpan(0, 1, "PER", "Jay", 0, 3),),
        starts=(0, 4),
        sentences=((0, 2),),
    )

    def decoded(self, given: dict[str, Any] | None = None) -> dict[str, Any]:
        line = dumps(to_object(self.TAGGED, given))
        assert line.endswith("}\n")
        assert line.count("\n") == 1
        return msgspec.json.decode(line)

    def test_a_prediction_has_text_tokens_tags_and_spans(self) -> None:
        assert self.decoded() == {
            "text": "Jay left",
            "tokens": ["Jay", "left"],
            "tags": ["B-PER", "O"],
            "spans": [{"start": 0, "end": 1, "label": "PER", "text": "Jay", "start_char": 0, "end_char": 3}],
        }

    def test_keys_of_the_input_stay(self) -> None:
        found = self.decoded({"id": 7, "more": [None]})
        assert (found["id"], found["more"]) == (7, [None])

    def test_tags_and_spans_of_the_input_become_gold_ones(self) -> None:
        found = self.decoded({"tokens": ["Jay", "left"], "tags": ["O", "O"], "spans": []})
        assert (found["gold_tags"], found["gold_spans"]) == (["O", "O"], [])
        assert found["tags"] == ["B-PER", "O"]

    def test_as_a_text_and_spans_alone(self) -> None:
        assert to_spans_object(self.TAGGED) == {"text": "Jay left", "spans": [{"start": 0, "end": 3, "label": "PER"}]}

    def test_what_was_given_does_not_prevent_reading_it_again(self, file: Path) -> None:
        given = {
            "id": 1,
            "tokens": ["Jay", "left"],
            "tags": ["O", "O"],
            "spans": [],
            "entities": 5,
            "text": "Jay, left",
        }
        found = to_spans_object(self.TAGGED, given)
        assert found == {
            "id": 1,
            "given_tokens": ["Jay", "left"],
            "gold_tags": ["O", "O"],
            "gold_spans": [],
            "gold_entities": 5,
            "given_text": "Jay, left",
            "text": "Jay left",
            "spans": [{"start": 0, "end": 3, "label": "PER"}],
        }
        file.write_text(dumps(found))
        assert next(read(file)).tags == ("B-PER", "O")

    SURE = dataclasses.replace(
        TAGGED,
        spans=(TAGGED.spans[0]._replace(probability=1.23456789e-7),),
        token_probabilities=(0.123456789, 1.0),
        sentence_probabilities=(3e-12,),
        alternatives=((Alternative(("O", "O"), (), -0.00012345678),),),
    )

    def test_probabilities_have_six_digits_however_small_they_are(self) -> None:
        found = msgspec.json.decode(dumps(to_object(self.SURE)))
        assert found == {
            **self.decoded(),
            "spans": [{**self.decoded()["spans"][0], "probability": 1.23457e-7}],
            "token_probabilities": [0.123457, 1.0],
            "sentence_probabilities": [3e-12],
            "alternatives": [[{"tags": ["O", "O"], "spans": [], "log_probability": -0.000123457}]],
        }
        assert to_spans_object(self.SURE)["spans"][0]["probability"] == 1.23457e-7

    def test_a_prediction_given_again_keeps_its_former_probabilities_under_another_name(self) -> None:
        found = self.decoded(to_object(self.SURE))
        assert found["given_token_probabilities"] == [0.123457, 1.0]
        assert found["given_sentence_probabilities"] == [3e-12]
        assert len(found["given_alternatives"]) == 1
        assert "token_probabilities" not in found

    def test_a_text_that_the_offsets_do_not_count_in_stays_under_another_name(self) -> None:
        found = self.decoded({"text": "Jay  left!", "tokens": ["Jay", "left"]})
        assert (found["text"], found["given_text"]) == ("Jay left", "Jay  left!")

    def test_the_input_is_not_changed(self) -> None:
        given = {"tags": ["O", "O"]}
        to_object(self.TAGGED, given)
        assert given == {"tags": ["O", "O"]}
