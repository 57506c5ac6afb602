"""tagsmith: the sequence tagger you train yourself, in minutes on a laptop, and can trust."""

from __future__ import annotations

from tagsmith.errors import ConfigError, DataError, MissingExtra, ModelFileError, TagsmithError
from tagsmith.formats.columns import Columns
from tagsmith.metrics import Count, Scores
from tagsmith.rules import InputWithRules, Rule, Rules
from tagsmith.tagger import Tagger
from tagsmith.text import Alternative, Sentence, Span, Tagged, TaggedSpan

__version__ = "0.1.0"

__all__ = [
    "Alternative",
    "Columns",
    "ConfigError",
    "Count",
    "DataError",
    "InputWithRules",
    "MissingExtra",
    "ModelFileError",
    "Rule",
    "Rules",
    "Scores",
    "Sentence",
    "Span",
    "Tagged",
    "TaggedSpan",
    "Tagger",
    "TagsmithError",
    "__version__",
]
