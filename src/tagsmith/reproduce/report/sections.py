"""The sections of a report, made from records and the records of rivals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tagsmith.config import RANDOM_DIM, differences
from tagsmith.quality.vocabulary_classes import VOCABULARY_CLASSES
from tagsmith.reproduce.records import Record
from tagsmith.reproduce.report.blocks import (
    NOTHING,
    Figure,
    Grid,
    Section,
    Series,
    each,
    figure_or_nothing,
    ranges,
    spread,
)
from tagsmith.reproduce.report.comparing import compare
from tagsmith.reproduce.report.configurations import LEGAL, Configuration, ReportRow, gather, lines_of, name_of
from tagsmith.reproduce.report.rival_scores import Rival
from tagsmith.reproduce.tables import DEV, MODEL, TABLES, TASKS, TEST, TRAIN, PaperTable
from tagsmith.schemes import SCHEMES

READING = (
    "Scores are percent: span F1 as conlleval counts it, token accuracy where tags are plain. Each is the mean over "
    "seeds ± the sample standard deviation (smallest to largest). Each run's epoch was chosen on dev, by its score "
    "with legal tag sequences only.",
    "A softmax model has two lines: the best of all tag sequences, as the paper scores its own, and the best legal "
    "one. A CRF has one, of legal sequences.",
    "The paper's figures are those it printed: one run, GloVe vectors of width 100, bigram potentials, about 50 "
    "epochs. 86 seeds of its authors' code have a median of 90.64 on CoNLL-2003 test, not 91.21 (Reimers and "
    "Gurevych 2017).",
    "p over seeds: an exact permutation test of the seeds' test scores, two-sided; it takes no distribution for "
    "granted, and with few seeds it can't tell. It asks whether other seeds could turn the difference round.",
    "p over sentences: a paired bootstrap, 10,000 draws of the test sentences, two-sided; runs of the same seed are "
    "compared, and the interval holds 95 % of the draws. It asks whether other sentences of the kind could turn the "
    "difference round, for these very models.",
)


def sections(records: Sequence[Record], rivals: Mapping[str, Sequence[Rival]]) -> list[Section]:
    """All sections, from the tasks to the single records."""
    configurations = gather(records)
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
    columns = ("task", "settings unlike the preset's", "vectors", "seeds", "dev", "test", "test, seed by seed")
    note = "Their settings are those of no row: trials, or rows of another version."
    return [Section("Records of no table", (note,), grids=(Grid(columns, rows),))]


def _own_settings(one: Configuration) -> str:
    preset = TASKS[one.task].preset if one.task in TASKS else "ner"
    changed = differences(one.first.config, preset)
    changed.pop("training.seed", None)
    return ", ".join(f"{name}={value}" for name, value in changed.items()) or NOTHING


def _machines(records: Sequence[Record]) -> Section:
    """What they ran on."""
    dates: dict[tuple[str, ...], list[str]] = {}
    packages = sorted({name for record in records for name in record.versions})
    for record in records:
        versions = (record.versions.get(name, NOTHING) for name in packages)
        dates.setdefault((record.processor, record.commit or NOTHING, *versions), []).append(record.date[:10])
    rows = [(*what, str(len(days)), " to ".join(dict.fromkeys((min(days), max(days))))) for what, days in dates.items()]
    hours = sum(record.training_seconds / (len(record.side_by_side) or 1) for record in records) / 3600
    on_gpu = sum(record.device.startswith("cuda") for record in records)
    where = f"{on_gpu} on a GPU, each of the others" if on_gpu else "each"
    return Section(
        "Machines and versions",
        (f"{len(records)} records, {hours:.1f} hours of training, {where} on one core with one thread.",),
        grids=(Grid(("processor", "commit", *packages, "records", "dates"), sorted(rows)),),
    )


def _data(configurations: Sequence[Configuration]) -> Section:
    """What they read."""
    rows = [
        (one.task, part, file.name, f"{file.sentences:,}", f"{file.tokens:,}", file.sha256[:16])
        for one in configurations
        for part, file in one.first.parts.items()
    ]
    columns = ("task", "part", "file", "sentences", "tokens", "SHA-256, first 16")
    return Section("Data", grids=(Grid(columns, list(dict.fromkeys(rows))),))


def _records(configurations: Sequence[Configuration]) -> Section:
    """A line for each run."""
    rows = [_record_row(one, record) for one in configurations for record in one.records]
    columns = ("record", "task", "model", "vectors", "seed", "dev", "test", "best epoch", "training", "tokens/s")
    note = "Training: the time of all epochs; tokens/s: the median epoch, with whatever else ran on the machine."
    return Section("Records", (note,), grids=(Grid((*columns, "memory", "date"), rows),))


def _record_row(one: Configuration, record: Record) -> tuple[str, ...]:
    patience = ", out of patience" * (record.stopped == "patience")
    return (
        record.key,
        record.task,
        ", ".join(filter(None, [name_of(one), one.cut])) or NOTHING,
        one.vectors_name,
        str(record.config.training.seed),
        f"{record.score(DEV):.2f}",
        f"{record.score(TEST):.2f}",
        f"{record.best_epoch} of {len(record.epochs)}{patience}",
        f"{record.training_seconds / 60:.0f} min{', resumed' * record.resumed}{_beside(record)}",
        f"{record.tokens_per_second:,.0f}",
        f"{record.peak_bytes / 1e9:.2f} GB" if record.peak_bytes else NOTHING,
        record.date[:10],
    )


def _beside(record: Record) -> str:
    """With whom it shared its time."""
    return f", with seeds {ranges(record.side_by_side)} at once" if record.side_by_side else ""
