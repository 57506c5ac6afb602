"""Records grouped into configurations, and the names of configurations."""

from __future__ import annotations

from tagsmith.reproduce.records import Record
from tagsmith.reproduce.report.configurations import group_records, name_of
from tagsmith.reproduce.tables import MODEL
from tests.support.handmade_records import VECTORS, make_record

SOFTMAX = {"head.kind": "softmax"}
OTHER = type(VECTORS)(name="senna", sha256="8" * 64, words=130_000, dim=50)


def record(*words: object, **more: object) -> Record:
    return make_record(*words, **more)[0]  # pyright: ignore[reportArgumentType]


def test_only_the_seed_differs_within_a_configuration():
    same = [record(seed=seed) for seed in (3, 1, 2)]
    renamed = record(seed=4, vectors=type(VECTORS)(name="again.txt", sha256="9" * 64, words=400_000, dim=50))
    others = [
        record(SOFTMAX),
        record(vectors=None),
        record(vectors=OTHER),
        record(data="e"),
        record({"training.epochs": 5}),
        record(task="wnut17"),
    ]
    groups = group_records([*others, *same, renamed])
    assert sorted(len(one.records) for one in groups) == [1] * 6 + [4]
    assert next(one for one in groups if len(one.records) == 4).seeds == (1, 2, 3, 4)
    assert groups[-1].task == "wnut17"


def test_a_cut_training_is_named_and_belongs_to_its_row():
    (cut,) = group_records([record({"training.epochs": 5})])
    assert cut.cut == "cut to 5 of 50 epochs"
    assert cut.is_of(MODEL)
    (whole,) = group_records([record()])
    assert whole.cut == ""


def test_a_configuration_is_named_by_the_first_table_that_has_it():
    rows = [{}, SOFTMAX, {"chars.kind": "none"}, {"scheme": "IOB2"}, {"training.clip": 1.0}]
    names = [name_of(group_records([record(settings)])[0]) for settings in rows]
    assert names == ["BLSTM-CNN-CRF", "ablation: BLSTM-CNN", "chars: none", "scheme: BIO", ""]
    (unknown,) = group_records([record(task="ner", key="x" * 16)])
    assert name_of(unknown) == "BLSTM-CNN-CRF"
