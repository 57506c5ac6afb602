"""Records gathered into configurations, and the lines that tables make of them."""

from __future__ import annotations

import msgspec

from tagsmith.config import configure
from tagsmith.reproduce.records import Record
from tagsmith.reproduce.report.configurations import gather, lines_of, name_of
from tagsmith.reproduce.tables import MODEL, TABLES
from tests.support.handmade_records import VECTORS, make

SOFTMAX = {"head.kind": "softmax"}
OTHER = type(VECTORS)(name="senna", sha256="8" * 64, words=130_000, dim=50)


def record(*words: object, **more: object) -> Record:
    return make(*words, **more)[0]  # pyright: ignore[reportArgumentType]


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
    found = gather([*others, *same, renamed])
    assert sorted(len(one.records) for one in found) == [1] * 6 + [4]
    assert next(one for one in found if len(one.records) == 4).seeds == (1, 2, 3, 4)
    assert found[-1].task == "wnut17"


def test_a_cut_training_says_so_and_is_of_its_row():
    (cut,) = gather([record({"training.epochs": 5})])
    assert cut.cut == "cut to 5 of 50 epochs"
    assert cut.is_of(MODEL)
    (whole,) = gather([record()])
    assert whole.cut == ""


def test_a_configuration_is_named_by_the_first_table_that_has_it():
    rows = [{}, SOFTMAX, {"chars.kind": "none"}, {"scheme": "IOB2"}, {"training.clip": 1.0}]
    names = [name_of(gather([record(settings)])[0]) for settings in rows]
    assert names == ["BLSTM-CNN-CRF", "ablation: BLSTM-CNN", "chars: none", "scheme: BIO", ""]
    (unknown,) = gather([record(task="ner", key="x" * 16)])
    assert name_of(unknown) == "BLSTM-CNN-CRF"


class TestLines:
    def test_a_softmax_has_two_and_the_paper_stands_beside_the_free_one(self):
        configurations = gather([record(), record(SOFTMAX)])
        free, legal, crf = lines_of(TABLES["ablation"].rows, configurations)
        assert [line.name for line in (crf, free, legal)] == [
            "BLSTM-CNN-CRF",
            "BLSTM-CNN, any sequence",
            "BLSTM-CNN, legal sequences",
        ]
        assert (crf.paper["test"], free.paper["dev"], dict(legal.paper)) == (91.21, 93.07, {})
        assert free.scores("test")[0] < legal.scores("test")[0]
        assert [line.is_reference for line in (crf, free, legal)] == [True, False, False]

    def test_the_paper_is_beside_no_other_task(self):
        (line,) = lines_of((MODEL,), gather([record(task="pos-xpos")]))
        assert line.paper == {}

    def test_the_papers_model_is_beside_given_vectors_alone(self):
        random, given = lines_of((MODEL,), gather([record(), record(vectors=None)]))
        assert (given.configuration.vectors_name, given.paper["test"]) == ("glove.txt", 91.21)
        assert (random.configuration.vectors_name, random.paper) == ("at random", {})

    def test_the_paper_is_beside_files_of_the_corpus_alone(self):
        of_the_corpus = record()
        parts = dict(of_the_corpus.parts)
        parts["train"] = msgspec.structs.replace(parts["train"], sentences=275)
        (line,) = lines_of((MODEL,), gather([msgspec.structs.replace(of_the_corpus, parts=parts)]))
        assert not line.configuration.is_of_the_corpus
        assert line.paper == {}
        (chunks,) = gather([record(task="chunk")])  # whose dev is cut from train
        assert chunks.is_of_the_corpus

    def test_parts_of_speech_with_a_softmax_have_one(self):
        config = configure("pos", SOFTMAX)
        assert config.scheme == "plain"
        (line,) = lines_of(TABLES["ablation"].rows, gather([record(SOFTMAX, task="pos-upos")]))
        assert line.name == "BLSTM-CNN"

    def test_random_vectors_are_a_row_of_their_own_and_given_ones_are_named(self):
        configurations = gather([record(), record(vectors=None), record(vectors=OTHER)])
        lines = lines_of(TABLES["embeddings"].rows, configurations)
        assert [line.name for line in lines] == ["random", "given, vectors glove.txt", "given, vectors senna"]
        assert [line.paper["test"] for line in lines] == [80.76, 91.21, 91.21]
