"""The commands in a report, as the command line takes them."""

from __future__ import annotations

from tagsmith.reproduce.report.commands import reproduce_command
from tagsmith.reproduce.report.configurations import group_records
from tests.support.handmade_records import VECTORS, make_record

OTHER = type(VECTORS)(name="senna", sha256="8" * 64, words=130_000, dim=50)


def test_vectors_seeds_and_task():
    records = [make_record(task="chunk", vectors=vectors)[0] for vectors in (VECTORS, OTHER, None)]
    command = reproduce_command("chars", "chunk", group_records(records), [1, 2, 5])
    expected = "tagsmith reproduce chars --task chunk --data DIR --vectors glove.txt --vectors senna --seeds 1-2,5"
    assert command == expected


def test_cut_epochs_are_named_if_they_agree():
    cut = [make_record({"training.epochs": epochs})[0] for epochs in (5, 6)]
    one = reproduce_command("chars", "ner", group_records(cut[:1]), [1])
    assert one == "tagsmith reproduce chars --data DIR --vectors glove.txt --seeds 1 --epochs 5"
    assert "--epochs" not in reproduce_command("chars", "ner", group_records(cut), [1])
    assert "--epochs" not in reproduce_command("ner", "", group_records(cut[:1]), [1])
