"""tagsmith vectors"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tagsmith import formats
from tagsmith.cli.parsing import options
from tagsmith.cli.printing.streams import SkippedLines, print_json, progress_bar
from tagsmith.errors import DataError
from tagsmith.formats.columns import Columns

if TYPE_CHECKING:
    from tagsmith.embeddings import WordVectors
    from tagsmith.text import TokenizerName

_F = TypeVar("_F", bound=Callable[..., Any])
_SHOWN = 8  # words from each end of the table
_ABSENT = 20  # absent words

_form = click.option(
    "--from",
    "form",
    type=click.Choice(["glove", "word2vec", "word2vec-binary", "senna"]),
    help="Format of the file, if its content does not tell. fastText's .vec is word2vec.",
)


def _data(text: str) -> Callable[[_F], _F]:
    return click.option("--data", "data", multiple=True, metavar="FILE", help=f"{text}. May be repeated.")


@click.group("vectors")
def command() -> None:
    """Inspect, convert and trim files of word vectors.

    \b
    Example:
      tagsmith vectors info glove.6B.100d.txt.gz --data train.conll
      tagsmith vectors convert GoogleNews-vectors-negative300.bin.gz news.safetensors
      tagsmith vectors trim crawl-300d-2M.vec small.safetensors --data train.conll --data dev.conll

    The commands read GloVe text, word2vec text and binary, fastText's .vec and Senna's two files (name their folder or
    either file), all plain or gzip, and the tables that convert and trim write.
    """


@command.command("info")
@click.argument("source", metavar="FILE")
@_data("Show how many words of this corpus the vectors cover")
@_form
@options.word_column
@options.tokenizer
@options.skip_bad
@options.as_json
def info(
    source: str,
    data: tuple[str, ...],
    form: str | None,
    word_column: int | str | None,
    tokenizer: TokenizerName | None,
    skipped: SkippedLines,
    as_json: bool,
) -> None:
    """Show what a file of vectors holds, and which words it covers.

    \b
    Example:
      tagsmith vectors info glove.6B.100d.txt.gz
      tagsmith vectors info glove.6B.100d.txt.gz --data train.conll --data dev.conll

    Words of --data are looked up as train with its preset does it, in lower case and with digits as 0. The counts tell
    how the word in the file differs from the word in the corpus. The first run leaves a table in the cache for train.
    """
    from tagsmith.embeddings import load_vectors

    tokens = _tokens(data, word_column, tokenizer, skipped)
    with progress_bar(f"reading {source}") as watch:
        vectors = load_vectors(source, form, watch=watch)
    facts = _facts(vectors)
    if data:
        facts["coverage"] = {"data": list(data), **_coverage(vectors, tokens)}
        skipped.print_count()
    if as_json:
        print_json(facts)
    else:
        click.echo("\n".join(_rendered(facts)))


@command.command("convert")
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT.safetensors")
@_form
def convert(source: str, target: str, form: str | None) -> None:
    """Convert vectors into a table that can be memory-mapped.

    \b
    Example:
      tagsmith vectors convert glove.6B.100d.txt.gz glove.6B.100d.safetensors

    A table of any size loads at once, and the processes that use it share its memory. Give it to --vectors instead of
    the file it was made from. OUT appears whole or not at all; "-" is stdin.
    """
    from tagsmith.embeddings import read_table, write_table

    _check_target(target, source)
    with progress_bar(f"reading {source}") as watch:
        table = read_table(source, form, watch=watch)
    write_table(target, table)
    _print_written(target, table.format, table.shape, table.repeated)


@command.command("trim")
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT.safetensors")
@_data("Keep the words of this corpus, in every form in which they are looked up")
@click.option("--top", type=click.IntRange(min=1), metavar="N", help="Keep the first N rows.")
@_form
@options.word_column
@options.tokenizer
@options.skip_bad
def trim(
    source: str,
    target: str,
    data: tuple[str, ...],
    top: int | None,
    form: str | None,
    word_column: int | str | None,
    tokenizer: TokenizerName | None,
    skipped: SkippedLines,
) -> None:
    """Keep only the vectors that your corpora need.

    \b
    Example:
      tagsmith vectors trim glove.6B.100d.txt.gz small.safetensors --data train.conll --data dev.conll
      tagsmith vectors trim crawl-300d-2M.vec first.safetensors --top 200000

    With --data, training and tagging these very corpora give the same tags as with the whole file (for JSON lines of
    text: with the tokenizer of the training). The words of future text are lost: a model trained with trimmed vectors
    has no vector for a word that is not in the corpora, and tags it by its spelling and its sentence alone. --top keeps
    the first rows; they are the commonest words if the file is sorted by frequency, as most are. With both options, a
    row is kept if either option keeps it.
    """
    if not data and top is None:
        raise click.UsageError("give --data, --top, or both")
    from tagsmith.embeddings import RowSelector, lookup_forms, read_table, write_table

    _check_target(target, source, *data)
    choice = RowSelector(lookup_forms(_tokens(data, word_column, tokenizer, skipped)), top or 0)
    with progress_bar(f"reading {source}") as watch:
        table = read_table(source, form, keep=choice, watch=watch)
    if not table.shape[0]:
        raise DataError("no row for any word of the data", "words that both have", source=source)
    write_table(target, table)
    skipped.print_count()
    click.echo(f"{table.shape[0] + table.repeated:,} of {choice.rows:,} rows kept", err=True)
    _print_written(target, table.format, table.shape, table.repeated)


def _tokens(
    data: tuple[str, ...], word_column: int | str | None, tokenizer: TokenizerName | None, skipped: SkippedLines
) -> Counter[str]:
    counts: Counter[str] = Counter()
    for file in data:
        for sentence in formats.read(
            file,
            columns=Columns(word=word_column),
            tagged=False,
            on_bad=skipped.on_bad,
            tokenizer=tokenizer or "words",
        ):
            counts.update(sentence.tokens)
    return counts


def _check_target(target: str, *sources: str) -> None:
    from tagsmith.files import check_distinct, check_writable

    if not target.endswith(".safetensors"):
        raise click.UsageError(f"{target}: a table is a safetensors file; its name must end in .safetensors")
    check_writable(target)
    check_distinct(target, *sources)


def _print_written(target: str, form: str, shape: tuple[int, int], repeated: int) -> None:
    from tagsmith.embeddings import FORMATS

    if repeated:
        rows = "row repeats" if repeated == 1 else "rows repeat"
        click.echo(f"{repeated:,} {rows} a word; the first row of a word counts", err=True)
    size = _megabytes(Path(target).stat().st_size)
    click.echo(f"{FORMATS[form].title}: {shape[0]:,} words, {shape[1]} wide; wrote {target}, {size}", err=True)


def _facts(vectors: WordVectors) -> dict[str, Any]:
    import numpy as np

    from tagsmith.embeddings import FORMATS, is_table

    rows = vectors.matrix
    blocks = (rows[start : start + 10_000].astype(np.float64) for start in range(0, len(rows), 10_000))
    norms = np.concatenate([np.linalg.norm(block, axis=1) for block in blocks])
    if not np.isfinite(norms).all():
        word = vectors.words.strings[int(np.argmin(np.isfinite(norms)))]
        raise DataError(f"a damaged table (the row of {word!r})", "finite numbers", source=vectors.source)
    strings = vectors.words.strings
    return {
        "file": vectors.source,
        "form": FORMATS[vectors.format].title,
        "is_table": is_table(vectors.source),
        "words": len(strings),
        "dim": vectors.dim,
        "repeated": vectors.repeated,
        "norms": dict(zip(("least", "median", "greatest"), np.quantile(norms, [0, 0.5, 1]).tolist(), strict=True)),
        "first_words": strings[:_SHOWN],
        "last_words": strings[_SHOWN:][-_SHOWN:],
        "matrix_bytes": rows.nbytes,
        "words_bytes": vectors.words.nbytes,
    }


def _coverage(vectors: WordVectors, tokens: Mapping[str, int]) -> dict[str, Any]:
    from tagsmith.batching import build_alphabets
    from tagsmith.config import WordsConfig

    normalise = build_alphabets([], WordsConfig())[0].word_of
    words: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    absent: Counter[str] = Counter()
    for token, count in tokens.items():
        match = vectors.look_up(token, normalise(token))
        words[match] += 1
        counts[match] += count
        if match == "absent":
            absent[token] = count
    names = ("exact", "lower-cased", "digits zeroed", "absent")
    return {
        "words": {name: words[name] for name in names},
        "tokens": {name: counts[name] for name in names},
        "absent": sorted(absent.items(), key=lambda pair: (-pair[1], pair[0]))[:_ABSENT],
    }


def _rendered(facts: dict[str, Any]) -> Iterator[str]:
    norms = facts["norms"]
    yield f"{'file':16}{facts['file']}"
    yield f"{'format':16}{'a table, made from ' if facts['is_table'] else ''}{facts['form']}"
    yield f"{'words':16}{facts['words']:,}"
    yield f"{'width':16}{facts['dim']}"
    yield f"{'repeated rows':16}{facts['repeated']:,}"
    yield f"{'norms':16}{norms['least']:.4g} to {norms['greatest']:.4g}, median {norms['median']:.4g}"
    yield f"{'first words':16}{_shown(facts['first_words'])}"
    if facts["last_words"]:
        yield f"{'last words':16}{_shown(facts['last_words'])}"
    yield (
        f"{'memory':16}{_megabytes(facts['matrix_bytes'])} of numbers, mapped and shared; "
        f"{_megabytes(facts['words_bytes'])} of words in each process"
    )
    if coverage := facts.get("coverage"):
        words, tokens = coverage["words"], coverage["tokens"]
        all_words, all_tokens = sum(words.values()), sum(tokens.values())
        yield f"\n{', '.join(coverage['data'])}: {all_words:,} distinct words in {all_tokens:,} tokens"
        for name in words:
            parts = ((words[name], all_words, "words"), (tokens[name], all_tokens, "tokens"))
            shares = (f"{part:9,} {noun} ({100 * part / max(whole, 1):5.1f} %)" for part, whole, noun in parts)
            yield f"  {name:14}{'  '.join(shares)}"
        if coverage["absent"]:
            most = ", ".join(f"{_shown([word])} {count:,}" for word, count in coverage["absent"])
            yield f"  most frequent of the absent: {most}"


def _shown(words: list[str]) -> str:
    return " ".join(word if word.isprintable() else repr(word) for word in words)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
