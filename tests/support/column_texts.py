"""Random files of columns, of which a test knows every field and every separator."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import strategies as st

NO_SEPARATORS = ["\u00a0", "\u3000", "\u2028", "\u2029", "\u0085", "\x0b", "\x0c", "\x1c"]
"""White space that separates nothing."""


@dataclass(frozen=True)
class Row:
    """A line of fields with the separators between them."""

    fields: tuple[str, ...]
    between: tuple[str, ...]
    before: str
    after: str
    ending: str

    def __str__(self) -> str:
        body = "".join(field + gap for field, gap in zip(self.fields, (*self.between, ""), strict=True))
        return self.before + body + self.after + self.ending


@dataclass(frozen=True)
class ColumnText:
    """The rows of a file, and the lines between them."""

    parts: tuple[Row | str, ...]

    def __str__(self) -> str:
        return "".join(map(str, self.parts))

    @property
    def rows(self) -> list[Row]:
        """All rows, in order."""
        return [part for part in self.parts if isinstance(part, Row)]

    @property
    def sentences(self) -> list[list[Row]]:
        """The rows of each sentence."""
        found: list[list[Row]] = [[]]
        for part in self.parts:
            if isinstance(part, Row):
                found[-1].append(part)
            else:
                found.append([])
        return [rows for rows in found if rows]


LETTERS = st.sampled_from(["a", "B", "-", "é", "e\u0301", "🦆", "日", "|", '"', "\r.", *NO_SEPARATORS])
FIELDS = st.lists(LETTERS, min_size=1, max_size=4).map("".join)
SPACED = st.tuples(st.sampled_from(["", " "]), FIELDS, st.sampled_from(["", " ", " b"])).map("".join)
SPACES = st.integers(1, 3).map(lambda count: " " * count)
ENDINGS = st.sampled_from(["\n", "\r\n"])


@st.composite
def rows(draw: st.DrawFn, width: int) -> Row:
    """Draw a row of this many columns."""
    if width > 1 and draw(st.booleans()):
        fields = draw(st.lists(SPACED, min_size=width, max_size=width))
        return Row(tuple(fields), ("\t",) * (width - 1), "", "", draw(ENDINGS))
    fields = draw(st.lists(FIELDS, min_size=width, max_size=width))
    between = draw(st.lists(SPACES, min_size=width - 1, max_size=width - 1))
    return Row(tuple(fields), tuple(between), draw(SPACES | st.just("")), draw(SPACES | st.just("")), draw(ENDINGS))


@st.composite
def column_texts(draw: st.DrawFn, least: int = 1) -> ColumnText:
    """Draw a file of at least this many columns."""
    width = draw(st.integers(least, 4))
    boundary = st.sampled_from(["\n", "\r\n", "  \n", " \t \n", "-DOCSTART- -X- O\n", "-DOCSTART-\tO\r\n"])
    parts = draw(st.lists(rows(width) | boundary, max_size=8))
    if parts and draw(st.booleans()):
        last = parts[-1]
        parts[-1] = replace(last, ending="") if isinstance(last, Row) else last.rstrip("\r\n")
    return ColumnText(tuple(part for part in parts if part))
