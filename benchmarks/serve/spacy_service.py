"""The rival: a simple service with FastAPI and spaCy (pip install fastapi uvicorn[standard] spacy).

    python benchmarks/serve/spacy_service.py TRAIN.conll PORT

It trains ``spacy.blank("en")`` with the component ``ner`` for three epochs, as its speed depends only on its
architecture, and serves POST /v1/tag. The endpoint is a coroutine, which is faster here than FastAPI's threads.
"""

import random
import sys
from pathlib import Path

import spacy
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from spacy.tokens import Doc
from spacy.training import Example, iob_to_biluo
from spacy.util import minibatch

app = FastAPI()
nlp = spacy.blank("en")


class TextRequest(BaseModel):
    """A text to tag."""

    text: str


class Span(BaseModel):
    """A span of the text."""

    start_char: int
    end_char: int
    label: str
    text: str


class TaggedText(BaseModel):
    """The tokens and spans of a text."""

    tokens: list[str]
    spans: list[Span]


@app.post("/v1/tag")
async def tag(request: TextRequest) -> TaggedText:
    """Return the tokens and spans of a text."""
    doc = nlp(request.text)
    spans = [Span(start_char=e.start_char, end_char=e.end_char, label=e.label_, text=e.text) for e in doc.ents]
    return TaggedText(tokens=[token.text for token in doc], spans=spans)


def train(path: str) -> None:
    """Train on a file in CoNLL columns."""
    blocks = Path(path).read_text("utf-8").strip().split("\n\n")
    sentences = [[(row.split()[0], row.split()[-1]) for row in block.splitlines()] for block in blocks]
    ner = nlp.add_pipe("ner")
    examples = []
    for sentence in sentences:
        words, tags = zip(*sentence, strict=True)
        examples.append(Example.from_dict(Doc(nlp.vocab, words=words), {"entities": iob_to_biluo(tags)}))
        for label in {tag[2:] for tag in tags if tag != "O"}:
            ner.add_label(label)
    optimizer = nlp.initialize(lambda: examples[:100])
    for _ in range(3):
        random.Random(1).shuffle(examples)
        for batch in minibatch(examples, 32):
            nlp.update(batch, sgd=optimizer, drop=0.1)


if __name__ == "__main__":
    train(sys.argv[1])
    uvicorn.run(app, port=int(sys.argv[2]), log_level="warning", loop="uvloop", http="httptools")
