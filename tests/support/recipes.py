"""Every combination of spelling, encoder and head, at sizes that train in a moment."""

from __future__ import annotations

import itertools
from typing import Any

CHARS: dict[str, dict[str, Any]] = {
    "cnn": {"chars.dim": 3, "chars.filters": 4},
    "tanh cnn": {"chars.dim": 3, "chars.filters": 4, "chars.activation": "tanh"},
    "relu cnn": {"chars.dim": 3, "chars.filters": 4, "chars.activation": "relu"},
    "char lstm": {"chars.kind": "lstm", "chars.dim": 3, "chars.size": 2},
    "no chars": {"chars.kind": "none"},
}
ENCODERS: dict[str, dict[str, Any]] = {
    "lstm": {},
    "two lstms": {"encoder.layers": 2},
    "gru": {"encoder.kind": "gru"},
    "rnn": {"encoder.kind": "rnn"},
    "three rnns": {"encoder.kind": "rnn", "encoder.layers": 3, "encoder.variational": True},
}
HEADS: dict[str, dict[str, Any]] = {
    "shared": {},
    "bigram": {"head.potentials": "bigram"},
    "softmax": {"head.kind": "softmax"},
}
RECIPES: dict[str, dict[str, Any]] = {
    ", ".join(names): {"words.dim": 4, "encoder.size": 5, **CHARS[names[0]], **ENCODERS[names[1]], **HEADS[names[2]]}
    for names in itertools.product(CHARS, ENCODERS, HEADS)
}
