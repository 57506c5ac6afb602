"""The sections of a report, made from records and the scores of rivals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tagsmith.config import RANDOM_DIM
from tagsmith.quality.vocabulary_classes import VOCABULARY_CLASSES
from tagsmith.reproduce.records import Record
from tagsmith.reproduce.report.blocks import Section
from tagsmith.reproduce.report.configurations import group_records, name_of
from tagsmith.reproduce.report.rival_scores import RivalScores

READING = (
    "Scores are percentages: span F1 as conlleval computes it, or token accuracy for plain tags. Several seeds are "
    "given as mean ± sample standard deviation (minimum to maximum). Each run keeps the epoch with the best dev score "
    "over legal tag sequences.",
    "A softmax model has two rows. One decodes over all tag sequences, as the paper does, the other over legal ones. "
    "A CRF has one row, over legal sequences.",
    "The paper's scores come from one run with GloVe vectors of width 100, bigram potentials and about 50 epochs. "
    "Reimers and Gurevych (2017) ran the authors' code with 86 seeds: their median on CoNLL-2003 test is 90.64, not "
    "91.21.",
    "p over seeds comes from an exact two-sided permutation test of the seeds' test scores. It asks whether other "
    "seeds could reverse the difference. The test assumes no distribution; with few seeds it cannot decide.",
    "p over sentences comes from a two-sided paired bootstrap with 10,000 resamples of the test sentences. It asks "
    "whether other test sentences could reverse the difference between these very models. It compares runs of the "
    "same seed; the interval holds 95 % of the resamples.",
)


def sections(records: Sequence[Record], rivals: Mapping[str, Sequence[RivalScores]]) -> list[Section]:
    """Return all sections, from the tasks to the single records."""
    configurations = group_records(records)
    named = [one for one in configurations if name_of(one)]
    found = [_tasks(named, rivals)]
    for name, table in TABLES.items():
        of_vectors = not all(row.vectors for row in table.rows)
        among = [one for one in named if TASKS[one.task].vectors] if of_vectors else named
        for alike in _comparable(among, across_vectors=of_vectors):
            lines = lines_of(table.rows, alike)
            if any(not line.is_reference for line in lines):
                found.append(_table(name, table, lines))
    found += _not_run(named)
    return [*found, *_of_no_table(configurations), _machines(records), _data(configurations), _records(configurations)]


def _comparable(configurations: Iterable[Configuration], *, across_vectors: bool) -> list[list[Configuration]]:
    """Configurations of one task, with the same files, as many epochs and (unless across them) the same vectors."""
    alike: dict[tuple[object, ...], list[Configuration]] = {}
    for one in configurations:
        vectors = None if across_vectors else one.vectors and one.vectors.sha256
        alike.setdefault((one.task, one.epochs, vectors, tuple(sorted(one.files.items()))), []).append(one)
    return list(alike.values())


def _tasks(configurations: Sequence[Configuration], rivals: Mapping[str, Sequence[Rival]]) -> Section:
    rows, figures = [], []
    for task in TASKS:
        lines = [
            line
            for alike in _comparable([one for one in configurations if one.task == task], across_vectors=False)
            for line in lines_of((MODEL,), alike)
        ]
        for line in lines:
            rows.append(_task_row(line))
            rows += [_other_row(line, part) for part in TASKS[task].also]
        rows += [_rival_row(task, rival, configurations) for rival in rivals.get(task, ())]
        if lines:
            figures.append(Figure(TASKS[task].title, tuple(_series(line, _run_as(line)) for line in lines)))
    run = {one.task for one in configurations if one.is_of(MODEL)}
    missing = [task for task in TASKS if task not in run]
    columns = ("task", "model", "vectors", "seeds", "dev", "test", "paper, test", "test, seed by seed")
    return Section(
        title="The paper's model on each task, beside rivals",
        paragraphs=(
            "Rivals learned from the same files, without word vectors, and were scored by the same rule, one run each.",
            *([f"Not run yet: {', '.join(missing)}. Each by its name:"] if missing else []),
        ),
        command=_command(missing[0] if len(missing) == 1 else "TASK", "", configurations, [1]) if missing else "",
        grids=(Grid(columns, rows),),
        figures=tuple(figures),
    )


def _task_row(line: ReportRow) -> tuple[str, ...]:
    one = line.configuration
    return (
        _task_name(one),
        line.row.name,
        one.vectors_name,
        ranges(one.seeds),
        spread(line.scores(DEV)),
        spread(line.scores(TEST)),
        figure_or_nothing(line.paper.get(TEST)),
        each(line.scores(TEST)),
    )


def _other_row(line: ReportRow, part: str) -> tuple[str, ...]:
    """The same models on another corpus's file."""
    corpus, split = TASKS[line.configuration.task].also[part]
    scores = spread(line.scores(part)), NOTHING, each(line.scores(part))
    return (f"the same models on {corpus}, {split}", *_task_row(line)[1:4], NOTHING, *scores)


def _run_as(line: ReportRow) -> str:
    return f"{line.row.name}, {line.configuration.vectors_name}, {line.configuration.epochs} epochs"


def _rival_row(task: str, rival: Rival, configurations: Iterable[Configuration]) -> tuple[str, ...]:
    ours = [one for one in configurations if one.task == task]
    other = "" if not ours or any(rival.read_the_same(one.files) for one in ours) else ", on other files"
    name = f"rival: {rival.tool} {rival.version}{other}"
    scores = (each([rival.score(DEV)]), each([rival.score(TEST)]))
    return (f"{TASKS[task].title}, F1", name, NOTHING, NOTHING, *scores, NOTHING, NOTHING)


def _task_name(one: Configuration) -> str:
    score = "F1" if one.first.config.scheme in SCHEMES else "accuracy"
    other = "" if one.is_of_the_corpus else "on files that are not the corpus's, by their counts"
    return ", ".join([TASKS[one.task].title, score, *filter(None, [one.cut, other])])


def _series(line: ReportRow, name: str) -> Series:
    one = line.configuration
    scores = zip(one.seeds, line.scores(TEST), strict=True)
    # Dev after each epoch is scored with legal sequences.
    records = one.records if line.constraints == LEGAL else ()
    curves = tuple(tuple(epoch.dev_score for epoch in record.epochs) for record in records)
    return Series(name, tuple(scores), curves, line.paper.get(TEST))


def _table(name: str, table: PaperTable, lines: Sequence[ReportRow]) -> Section:
    configurations = list(dict.fromkeys(line.configuration for line in lines))
    seeds = sorted({seed for line in lines for seed in line.configuration.seeds})
    by_class = any(key.split()[-1] in VOCABULARY_CLASSES for row in table.rows for key in row.paper)
    reference = next((line for line in lines if line.is_reference), None)
    # The classes are of models that another table compares.
    grids = [_classes(lines)] if by_class else [_scores(lines), *([compare(lines, reference)] if reference else [])]
    missing = _missing(table, lines, seeds)
    names = {one.vectors_name for one in configurations}
    vectors = f", vectors {names.pop()}" if len(names) == 1 else ""
    here = "; ".join(dict.fromkeys(map(_setting, configurations)))
    return Section(
        title=f"{table.title}: {_task_name(configurations[0])}{vectors}",
        paragraphs=(f"Here: {here}.", *([f"Still to run: {missing}."] if missing else [])),
        command=_command(name, configurations[0].task, configurations, seeds),
        grids=tuple(grids),
        figures=(Figure(table.title, tuple(_series(line, line.name) for line in lines)),),
    )


def _scores(lines: Sequence[ReportRow]) -> Grid:
    """Dev, test, further files, and train where the paper has it."""
    further = [part for part in lines[0].configuration.first.parts if part not in (TRAIN, DEV, TEST)]
    train = [TRAIN] * any(TRAIN in line.paper for line in lines)
    parts = [*train, DEV, TEST, *further]
    columns = ["model", "seeds"]
    for part in parts:
        columns += [part] if part in further else [part, f"paper, {part}"]
    rows = []
    for line in lines:
        cells = [line.name, ranges(line.configuration.seeds)]
        for part in parts:
            cells.append(spread(line.scores(part)))
            if part not in further:
                cells.append(figure_or_nothing(line.paper.get(part)))
        rows.append((*cells, each(line.scores(TEST))))
    return Grid((*columns, "test, seed by seed"), rows)


def _classes(lines: Sequence[ReportRow]) -> Grid:
    """Test by class of words, with how many spans each has."""
    columns = ["model", "seeds", f"spans in test: {' / '.join(VOCABULARY_CLASSES)}"]
    for name in VOCABULARY_CLASSES:
        columns += [name, f"paper, {name}"]
    rows = []
    for line in lines:
        records = line.configuration.records
        figures = [record.scores[TEST][line.constraints]["vocabulary"] for record in records]
        counts = " / ".join(f"{figures[0][name]['gold']:,}" for name in VOCABULARY_CLASSES)
        cells = [line.name, ranges(line.configuration.seeds), counts]
        for name in VOCABULARY_CLASSES:
            score = "f1" if records[0].config.scheme in SCHEMES else "recall"
            cells += [
                spread([figure[name][score] for figure in figures]),
                figure_or_nothing(line.paper.get(f"{TEST} {name}")),
            ]
        rows.append(tuple(cells))
    meanings = "; ".join(f"{name}: {meaning}" for name, meaning in VOCABULARY_CLASSES.items())
    return Grid(tuple(columns), rows, title=f"By what the model could know of the words ({meanings})")


def _missing(table: PaperTable, lines: Sequence[ReportRow], seeds: Sequence[int]) -> str:
    """The seeds that some rows have and others lack."""
    missing = {row.name: list(seeds) for row in table.rows if not any(line.row is row for line in lines)}
    for line in lines:
        if absent := [seed for seed in seeds if seed not in line.configuration.seeds]:
            missing[line.model] = absent
    return "; ".join(f"{name} (seeds {ranges(absent)})" for name, absent in missing.items())


def _setting(one: Configuration) -> str:
    vectors = one.vectors
    at_random = f"vectors at random, of width {one.first.config.words.dim or RANDOM_DIM}"
    table = f"vectors {vectors.name} ({vectors.words:,} of width {vectors.dim})" if vectors else at_random
    return f"{table}, at most {one.epochs} epochs"


def _command(table: str, task: str, configurations: Iterable[Configuration], seeds: Sequence[int]) -> str:
    configurations = list(configurations)
    words = ["tagsmith reproduce", table]
    words += ["--task", task] * (table in TABLES and task != "ner")
    words += ["--data", "DIR"]
    for name in dict.fromkeys(one.vectors.name for one in configurations if one.vectors):
        words += ["--vectors", name]
    words += ["--seeds", ranges(seeds)]
    cuts = {one.epochs for one in configurations if one.cut}
    return " ".join([*words, *(["--epochs", str(*cuts)] if len(cuts) == 1 and table in TABLES else [])])


def _not_run(configurations: Sequence[Configuration]) -> list[Section]:
    """The tables of which nothing but the full model is there, on names."""
    names = [one for one in configurations if one.task == "ner"]
    missing = [name for name, table in TABLES.items() if all(line.is_reference for line in lines_of(table.rows, names))]
    if not missing:
        return []
    tables = "; ".join(f"{name}: {TABLES[name].title}" for name in missing)
    seeds = sorted({seed for one in names for seed in one.seeds}) or [1]
    return [Section("Tables not run yet", (f"{tables}. Each by its name:",), _command("TABLE", "ner", names, seeds))]


def _of_no_table(configurations: Sequence[Configuration]) -> list[Section]:
    """Models that no table of this version has: what they are, and their scores."""
    others = [one for one in configurations if not name_of(one)]
    if not others:
        return []
    rows = [
        (
            one.task,
            _own_settings(one),
            one.vectors_name,
            ranges(one.seeds),
            *(spread(one.scores(part)) for part in (DEV, TEST)),
            each(one.scores(TEST)),
        )
        for one in others
    ]
