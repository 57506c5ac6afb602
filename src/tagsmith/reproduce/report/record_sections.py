"""The sections that list records: those outside the tables, machines, data, and every run."""

from __future__ import annotations

from collections.abc import Sequence

from tagsmith.config import differences
from tagsmith.reproduce.records import Record
from tagsmith.reproduce.report.blocks import Grid, Section
from tagsmith.reproduce.report.configurations import Configuration, name_of
from tagsmith.reproduce.report.formatting import MISSING, mean_and_spread, number_ranges, score_list
from tagsmith.reproduce.tables import DEV, TASKS, TEST


def other_records_section(configurations: Sequence[Configuration]) -> list[Section]:
    """Return a section with the settings and scores of models that no table has; none if no model is given."""
    if not configurations:
        return []
    rows = [
        (
            one.task,
            _changed_settings(one),
            one.vectors_name,
            number_ranges(one.seeds),
            *(mean_and_spread(one.scores(split)) for split in (DEV, TEST)),
            score_list(one.scores(TEST)),
        )
        for one in configurations
    ]
    columns = ("task", "settings that differ from the preset", "vectors", "seeds", "dev", "test", "test by seed")
    note = "Their settings match no row of a table: trials, or rows of another version."
    return [Section("Records outside the tables", (note,), grids=(Grid(columns, rows),))]


def _changed_settings(configuration: Configuration) -> str:
    task = configuration.task
    changed = differences(configuration.first.config, TASKS[task].preset if task in TASKS else "ner")
    changed.pop("training.seed", None)
    return ", ".join(f"{name}={value}" for name, value in changed.items()) or MISSING


def machines_section(records: Sequence[Record]) -> Section:
    """Return the section of machines and versions."""
    dates: dict[tuple[str, ...], list[str]] = {}
    packages = sorted({name for record in records for name in record.versions})
    for record in records:
        versions = (record.versions.get(name, MISSING) for name in packages)
        dates.setdefault((record.processor, record.commit or MISSING, *versions), []).append(record.date[:10])
    rows = [
        (*machine, str(len(days)), " to ".join(dict.fromkeys((min(days), max(days)))))
        for machine, days in dates.items()
    ]
    hours = sum(record.training_seconds / (len(record.side_by_side) or 1) for record in records) / 3600
    on_gpu = sum(record.device.startswith("cuda") for record in records)
    place = f"{on_gpu} on a GPU, each of the others" if on_gpu else "each"
    return Section(
        "Machines and versions",
        (f"{len(records)} records, {hours:.1f} hours of training, {place} on one core with one thread.",),
        grids=(Grid(("processor", "commit", *packages, "records", "dates"), sorted(rows)),),
    )


def data_section(configurations: Sequence[Configuration]) -> Section:
    """Return the section of the files that were read."""
    rows = [
        (one.task, split, file.name, f"{file.sentences:,}", f"{file.tokens:,}", file.sha256[:16])
        for one in configurations
        for split, file in one.first.parts.items()
    ]
    columns = ("task", "split", "file", "sentences", "tokens", "SHA-256, first 16")
    return Section("Data", grids=(Grid(columns, list(dict.fromkeys(rows))),))


def records_section(configurations: Sequence[Configuration]) -> Section:
    """Return the section with a row for each run."""
    rows = [_record_cells(one, record) for one in configurations for record in one.records]
    columns = ("record", "task", "model", "vectors", "seed", "dev", "test", "best epoch", "training", "tokens/s")
    note = (
        "training is the total time of all epochs. tokens/s is the median epoch's speed, under whatever load the "
        "machine had."
    )
    return Section("Records", (note,), grids=(Grid((*columns, "memory", "date"), rows),))


def _record_cells(configuration: Configuration, record: Record) -> tuple[str, ...]:
    early = ", stopped early" * (record.stopped == "patience")
    seeds = number_ranges(record.side_by_side)
    together = f", seeds {seeds} together" if record.side_by_side else ""
    return (
        record.key,
        record.task,
        ", ".join(filter(None, [name_of(configuration), configuration.cut])) or MISSING,
        configuration.vectors_name,
        str(record.config.training.seed),
        f"{record.score(DEV):.2f}",
        f"{record.score(TEST):.2f}",
        f"{record.best_epoch} of {len(record.epochs)}{early}",
        f"{record.training_seconds / 60:.0f} min{', resumed' * record.resumed}{together}",
        f"{record.tokens_per_second:,.0f}",
        f"{record.peak_bytes / 1e9:.2f} GB" if record.peak_bytes else MISSING,
        record.date[:10],
    )
