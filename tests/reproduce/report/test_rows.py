"""The rows of a table, and the paper's scores for them."""

from __future__ import annotations

import msgspec

from tagsmith.config import configure
from tagsmith.reproduce.records import Record
from tagsmith.reproduce.report.configurations import group_records
from tagsmith.reproduce.report.rows import rows_of
from tagsmith.reproduce.tables import MODEL, TABLES
from tests.support.handmade_records import VECTORS, make_record

SOFTMAX = {"head.kind": "softmax"}
OTHER = type(VECTORS)(name="senna", sha256="8" * 64, words=130_000, dim=50)


def record(*words: object, **more: object) -> Record:
    return make_record(*words, **more)[0]  # pyright: ignore[reportArgumentType]


def test_a_softmax_has_two_and_the_one_over_all_sequences_has_the_papers_score():
    configurations = group_records([record(), record(SOFTMAX)])
    free, legal, crf = rows_of(TABLES["ablation"].rows, configurations)
    assert [row.name for row in (crf, free, legal)] == [
        "BLSTM-CNN-CRF",
        "BLSTM-CNN, all sequences",
        "BLSTM-CNN, legal sequences",
    ]
    assert (crf.paper["test"], free.paper["dev"], dict(legal.paper)) == (91.21, 93.07, {})
    assert free.scores("test")[0] < legal.scores("test")[0]
    assert [row.is_reference for row in (crf, free, legal)] == [True, False, False]


def test_other_tasks_have_no_scores_of_the_paper():
    (row,) = rows_of((MODEL,), group_records([record(task="pos-xpos")]))
    assert row.paper == {}


def test_the_papers_scores_are_for_given_vectors_only():
    random, given = rows_of((MODEL,), group_records([record(), record(vectors=None)]))
    assert (given.configuration.vectors_name, given.paper["test"]) == ("glove.txt", 91.21)
    assert (random.configuration.vectors_name, random.paper) == ("random", {})


def test_the_papers_scores_are_for_files_of_the_corpus_only():
    of_the_corpus = record()
    parts = dict(of_the_corpus.parts)
    parts["train"] = msgspec.structs.replace(parts["train"], sentences=275)
    (row,) = rows_of((MODEL,), group_records([msgspec.structs.replace(of_the_corpus, parts=parts)]))
    assert not row.configuration.is_of_the_corpus
    assert row.paper == {}
    (chunks,) = group_records([record(task="chunk")])  # whose dev is cut from train
    assert chunks.is_of_the_corpus


def test_a_softmax_of_plain_tags_has_one():
    config = configure("pos", SOFTMAX)
    assert config.is_plain
    (row,) = rows_of(TABLES["ablation"].rows, group_records([record(SOFTMAX, task="pos-upos")]))
    assert row.name == "BLSTM-CNN"


def test_random_vectors_have_their_own_row_and_given_ones_are_named():
    configurations = group_records([record(), record(vectors=None), record(vectors=OTHER)])
    rows = rows_of(TABLES["embeddings"].rows, configurations)
    assert [row.name for row in rows] == ["random", "given, vectors glove.txt", "given, vectors senna"]
    assert [row.paper["test"] for row in rows] == [80.76, 91.21, 91.21]


def test_a_series_has_curves_for_legal_sequences_only():
    free, legal = rows_of(TABLES["ablation"].rows, group_records([record(SOFTMAX), record(SOFTMAX, seed=2)]))
    assert [seed for seed, _ in free.series("x").scores] == [1, 2]
    assert free.series("x").curves == ()
    assert legal.series("x").curves == ((70.0, 80.0, 90.0 - 20.0 / 3),) * 2
    assert (free.series("x").paper, legal.series("x").paper) == (89.36, None)
