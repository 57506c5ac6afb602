"""The paper's tables as data: the settings of each row, the paper's scores for it, and the tasks to run it on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

TRAIN, DEV, TEST = "train", "dev", "test"


@dataclass(frozen=True)
class Task:
    """A corpus and the preset to train on it."""

    title: str
    preset: str
    corpus: str
    """Its name in ``tagsmith.corpora``."""
    also: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Further files to score: by the name of the split, a corpus and its split."""
    tag_column: str | None = None
    vectors: bool = True
    """True if the word vectors on the command line suit its language."""


@dataclass(frozen=True)
class PaperRow:
    """A model in a table, as changes to the task's preset."""

    name: str
    settings: Mapping[str, object] = field(default_factory=dict)
    vectors: bool = True
    """True if it starts from the word vectors on the command line, if there are any."""
    paper: Mapping[str, float] = field(default_factory=dict)
    """The scores that Ma and Hovy (2016) printed: span F1 for ``ner``, token accuracy for ``wsj``. The keys name the
    task, the split and, in Table 9, the vocabulary class."""


@dataclass(frozen=True)
class PaperTable:
    """Rows to compare with each other."""

    title: str
    rows: tuple[PaperRow, ...]


TASKS: dict[str, Task] = {
    "ner": Task("CoNLL-2003 English NER", "ner", "conll2003", {"conllpp": ("conllpp", TEST)}),
    "chunk": Task("CoNLL-2000 chunking", "chunk", "conll2000"),
    "pos-upos": Task("UD English EWT, universal POS tags", "pos", "ud_ewt"),
    "pos-xpos": Task("UD English EWT, Penn POS tags", "pos", "ud_ewt", tag_column="xpos"),
    "treebank": Task("NLTK Penn Treebank sample, POS tags", "pos", "nltk_treebank"),
    "wnut17": Task("WNUT-17 emerging entities", "ner", "wnut17"),
    "ncbi": Task("NCBI disease NER", "ner", "ncbi_disease"),
    "ewt": Task("UNER English EWT NER", "ner", "uner_ewt"),
    "chinese": Task("UNER Chinese GSD NER", "ner", "uner_zh_gsd", vectors=False),
}

_SOFTMAX = {"head.kind": "softmax"}
_NO_CHARS = {"chars.kind": "none"}
_NO_DROPOUT = {"chars.dropout": 0.0, "encoder.dropout_in": 0.0, "encoder.dropout_out": 0.0}
_FULL = {"ner dev": 94.74, "ner test": 91.21, "wsj dev": 97.46, "wsj test": 97.55}


def _by_class(*f1: float) -> dict[str, float]:
    return {f"ner test {name}": figure for name, figure in zip(("IV", "OOTV", "OOEV", "OOBV"), f1, strict=True)}


MODEL = PaperRow("BLSTM-CNN-CRF", paper=_FULL)
"""The unchanged preset. The paper's scores are those of its bigram potentials, which re-implementations aim for."""

TABLES: dict[str, PaperTable] = {
    "ablation": PaperTable(
        "Ablation (Table 3)",
        (
            PaperRow(
                "BRNN",
                {**_NO_CHARS, **_SOFTMAX, "encoder.kind": "rnn"},
                paper={"ner dev": 90.56, "ner test": 85.44, "wsj dev": 96.56, "wsj test": 96.76},
            ),
            PaperRow(
                "BLSTM",
                {**_NO_CHARS, **_SOFTMAX},
                paper={"ner dev": 91.57, "ner test": 87.00, "wsj dev": 96.88, "wsj test": 96.93},
            ),
            PaperRow(
                "BLSTM-CNN",
                _SOFTMAX,
                paper={"ner dev": 93.07, "ner test": 89.36, "wsj dev": 97.34, "wsj test": 97.33},
            ),
            MODEL,
            PaperRow("BLSTM-CNN-CRF, bigram potentials", {"head.potentials": "bigram"}, paper=_FULL),
        ),
    ),
    "embeddings": PaperTable(
        "Word vectors (Table 6)",
        (
            PaperRow("random", vectors=False, paper={"ner test": 80.76, "wsj test": 97.13}),
            PaperRow("given", paper={"ner test": 91.21, "wsj test": 97.55}),
        ),
    ),
    "dropout": PaperTable(
        "Dropout (Table 7)",
        (
            PaperRow(
                "without",
                _NO_DROPOUT,
                paper={
                    **{"ner train": 99.97, "ner dev": 93.51, "ner test": 89.25},
                    **{"wsj train": 98.46, "wsj dev": 97.06, "wsj test": 97.11},
                },
            ),
            PaperRow("with", paper={**_FULL, "ner train": 99.63, "wsj train": 97.86}),
        ),
    ),
    "vocabulary": PaperTable(
        "Known and unknown words, with and without the CRF (Tables 8 and 9)",
        (
            PaperRow("BLSTM-CNN", _SOFTMAX, paper=_by_class(90.07, 89.45, 100.0, 78.44)),
            PaperRow("BLSTM-CNN-CRF", paper=_by_class(92.14, 90.73, 100.0, 80.60)),
        ),
    ),
    "chars": PaperTable(
        "Character encoder",
        (PaperRow("CNN", paper=_FULL), PaperRow("BiLSTM", {"chars.kind": "lstm"}), PaperRow("none", _NO_CHARS)),
    ),
    "scheme": PaperTable("Tagging scheme", (PaperRow("BIO", {"scheme": "IOB2"}), PaperRow("BIOES"))),
}
