from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagsmith import Columns, DataError, Sentence
from tagsmith.formats.conll import read, write
from tests.support.column_texts import NO_SEPARATORS, ColumnText, column_texts


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file.conll"


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch") / "file.conll"


def pairs(file: Path, columns: Columns | None = None) -> list[list[tuple[str, str]]]:
    return [list(zip(sentence.tokens, sentence.tags or (), strict=True)) for sentence in read(file, columns)]


def words(file: Path) -> list[tuple[str, ...]]:
    return [sentence.tokens for sentence in read(file, tagged=False)]


def error(file: Path, columns: Columns | None = None, *, tagged: bool = True) -> str:
    with pytest.raises(DataError) as caught:
        list(read(file, columns, tagged=tagged))
    return str(caught.value)


class TestRead:
    def test_a_blank_line_ends_a_sentence(self, file: Path) -> None:
        file.write_text("Jay B-PER\nleft O\n\nIndia B-LOC\n\n")
        assert pairs(file) == [[("Jay", "B-PER"), ("left", "O")], [("India", "B-LOC")]]

    @pytest.mark.parametrize("end", ["", "\n", "\n\n", "\n\n\n", "\r\n", " \n \n"])
    def test_the_last_sentence_needs_no_blank_line(self, file: Path, end: str) -> None:
        file.write_text("a O\n\nb B-X" + end, newline="")
        assert pairs(file) == [[("a", "O")], [("b", "B-X")]]

    def test_crlf_is_no_part_of_the_tag(self, file: Path) -> None:
        file.write_bytes(b"a O\r\nb B-X\r\n\r\nc O")
        assert pairs(file) == [[("a", "O"), ("b", "B-X")], [("c", "O")]]

    def test_a_byte_order_mark_is_no_part_of_the_word(self, file: Path) -> None:
        file.write_text("a O\n", "utf-8-sig")
        assert pairs(file) == [[("a", "O")]]

    def test_gzip_is_read(self, file: Path) -> None:
        file.write_bytes(gzip.compress(b"a O\n"))
        assert pairs(file) == [[("a", "O")]]

    @pytest.mark.parametrize("content", ["", "\n", "\n\n \n", "\t\n", "-DOCSTART- -X- O O\n\n", "-DOCSTART-", "\ufeff"])
    def test_a_file_without_tokens_has_no_sentences(self, file: Path, content: str) -> None:
        file.write_text(content, "utf-8")
        assert pairs(file) == []

    def test_docstart_ends_a_sentence_and_is_no_token(self, file: Path) -> None:
        file.write_text("-DOCSTART- -X- O\n\na X O\n-DOCSTART- -X- O\nb X O\n")
        assert pairs(file) == [[("a", "O")], [("b", "O")]]

    @pytest.mark.parametrize("word", ["-DOCSTART-x", "DOCSTART", "-docstart-"])
    def test_only_the_very_word_marks_a_document(self, file: Path, word: str) -> None:
        file.write_text(f"{word} O\n")
        assert pairs(file) == [[(word, "O")]]

    def test_a_line_with_a_tab_is_split_at_tabs_only(self, file: Path) -> None:
        file.write_text("New York\tNN P\tB-LOC\nc d e\n")
        assert pairs(file) == [[("New York", "B-LOC"), ("c", "e")]]

    def test_a_line_without_is_split_at_runs_of_spaces(self, file: Path) -> None:
        file.write_text("  a   b O  \n")
        assert pairs(file, Columns(2)) == [[("b", "O")]]

    @pytest.mark.parametrize("space", NO_SEPARATORS)
    def test_no_other_space_splits_a_token_or_a_line(self, file: Path, space: str) -> None:
        file.write_text(f"a{space}b O\n{space} O\n\nc\tI-{space}x\n", "utf-8")
        assert pairs(file) == [[(f"a{space}b", "O"), (space, "O")], [("c", f"I-{space}x")]]

    @pytest.mark.parametrize(
        "word", ["x" * 10_000, "👩‍👩‍👧‍👦", "🇮🇳", "e\u0301", "\u0301", "ﷺ", "שָׁלוֹם", "\ud7ff\ue000", "\U0010ffff", "\x7f"]
    )
    def test_a_word_is_read_character_for_character(self, file: Path, word: str) -> None:
        file.write_text(f"{word} O\n", "utf-8")
        assert pairs(file) == [[(word, "O")]]

    def test_without_tags_one_column_is_enough(self, file: Path) -> None:
        file.write_text("a\nb\n\nc\n")
        assert words(file) == [("a", "b"), ("c",)]
        assert [sentence.tags for sentence in read(file, tagged=False)] == [None, None]

    def test_every_token_knows_its_line(self, file: Path) -> None:
        file.write_text("\n\na O\nb\nc O\n\nd O\n")
        assert [sentence.lines for sentence in read(file, on_bad=lambda _: None)] == [(3, 5), (7,)]
        assert {sentence.source for sentence in read(file, on_bad=lambda _: None)} == {str(file)}

    @settings(max_examples=75, deadline=None)
    @given(column_texts(least=2))
    def test_any_file_is_read_for_what_it_holds(self, scratch: Path, layout: ColumnText) -> None:
        scratch.write_bytes(str(layout).encode())
        expected = [[(row.fields[0], row.fields[-1]) for row in sentence] for sentence in layout.sentences]
        assert pairs(scratch) == expected


class TestWrite:
    @staticmethod
    def written(*sentences: Sentence) -> str:
        stream = io.StringIO(newline="")
        assert write(sentences, stream) == len(sentences)
        return stream.getvalue()

    def test_a_tab_separates_token_from_tag_and_a_blank_line_after_a_sentence(self) -> None:
        text = self.written(Sentence(["Jay", "left"], ["B-PER", "O"]), Sentence(["a"], ["O"]))
        assert text == "Jay\tB-PER\nleft\tO\n\na\tO\n\n"

    def test_sentences_without_tags_have_one_column(self) -> None:
        assert self.written(Sentence(["Jay", "left"])) == "Jay\nleft\n\n"

    # A byte order mark at the start of a file is no part of its first token, so it is left out here.
    TOKENS = st.text(st.sampled_from("aO-é🦆\u0301 \r") | st.sampled_from(NO_SEPARATORS), min_size=1, max_size=5)

    @settings(max_examples=100, deadline=None)
    @given(st.data())
    def test_what_was_written_is_read_back(self, scratch: Path, data: st.DataObject) -> None:
        tagged = data.draw(st.booleans())
        tokens = st.lists(self.TOKENS, min_size=1, max_size=4)
        sentences = [
            Sentence(
                drawn, data.draw(st.lists(self.TOKENS, min_size=len(drawn), max_size=len(drawn))) if tagged else None
            )
            for drawn in data.draw(st.lists(tokens, max_size=4))
        ]
        kept = []
        for sentence in sentences:
            try:
                self.written(sentence)
            except DataError:
                continue
            kept.append(sentence)
        scratch.write_bytes(self.written(*kept).encode())
        found = [(sentence.tokens, sentence.tags) for sentence in read(scratch, tagged=tagged)]
        assert found == [(sentence.tokens, sentence.tags) for sentence in kept]

    @pytest.mark.parametrize("bad", ["", " ", "  ", "a\tb", "a\nb", "\n", "a\0", "a\r"])
    def test_what_could_not_be_read_back_is_refused(self, bad: str) -> None:
        for sentence in (Sentence([bad], ["O"]), Sentence(["a"], [bad]), Sentence([bad])):
            with pytest.raises(DataError) as caught:
                self.written(sentence)
            assert caught.value.found == repr(bad)

    @pytest.mark.parametrize("token", ["New York", " a", "a "])
    def test_a_token_can_have_spaces_next_to_a_tag_but_not_alone(self, token: str) -> None:
        assert self.written(Sentence([token], ["O"])) == f"{token}\tO\n\n"
        with pytest.raises(DataError):
            self.written(Sentence([token]))

    def test_the_word_that_marks_a_document_is_no_token(self) -> None:
        with pytest.raises(DataError, match="'-DOCSTART-'"):
            self.written(Sentence(["a", "-DOCSTART-"], ["O", "O"]))

    def test_a_refused_token_is_named_with_where_it_was_read(self) -> None:
        with pytest.raises(DataError, match=r"^in\.jsonl:7: found 'a\\tb'; expected a token"):
            self.written(Sentence(["a\tb"], ["O"], "in.jsonl", [7]))


@pytest.mark.parametrize("sentence", [Sentence([], []), Sentence(["\ufeffa"], ["O"])])
def test_what_columns_cannot_hold_is_refused(sentence: Sentence) -> None:
    with pytest.raises(DataError, match="a token to start with"):
        write([sentence], io.StringIO())
