"""spaCy's ``ner`` for ``benchmarks/score_rivals.py``: without vectors, with early stopping on dev."""

import random

import spacy
from learning import reply_with
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import minibatch
from spacy_ner import bilou
from thinc.api import fix_random_seed

SETTINGS = {"epochs": 30, "patience": 5, "dropout": 0.1, "batch": 32, "seed": 1}


def learn(task):
    """Return a function from tokens to IOB2 tags, that of the best epoch on dev, and notes."""
    fix_random_seed(SETTINGS["seed"])
    nlp = spacy.blank(task["language"])
    ner = nlp.add_pipe("ner")
    train, dev = ([example(nlp, *pair) for pair in task[name]] for name in ("train", "dev"))
    for label in sorted({tag[2:] for _, tags in task["train"] for tag in tags if tag != "O"}):
        ner.add_label(label)
    optimizer = nlp.initialize(lambda: train)
    shuffle = random.Random(SETTINGS["seed"]).shuffle
    best, best_epoch, weights = -1.0, 0, b""
    for epoch in range(1, SETTINGS["epochs"] + 1):
        shuffle(train)
        for batch in minibatch(train, SETTINGS["batch"]):
            nlp.update(batch, sgd=optimizer, drop=SETTINGS["dropout"])
        with nlp.use_params(optimizer.averages):
            score = nlp.evaluate(dev)["ents_f"]
            if score > best:
                best, best_epoch, weights = score, epoch, nlp.to_bytes()
        if epoch - best_epoch >= SETTINGS["patience"]:
            break
    nlp.from_bytes(weights)
    notes = {"tool": "spaCy ner", "version": spacy.__version__, **SETTINGS, "best_epoch": best_epoch}
    return lambda tokens: iob2(nlp(Doc(nlp.vocab, words=tokens))), {**notes, "vectors": None}


def example(nlp, tokens, tags):
    """Return a training example with the gold spans of a sentence."""
    doc = Doc(nlp.vocab, words=tokens)
    return Example.from_dict(doc, {"entities": [tag if tag == "O" else bilou(tags, i) for i, tag in enumerate(tags)]})


def iob2(doc):
    """Return the IOB2 tags of a document."""
    return [f"{token.ent_iob_}-{token.ent_type_}" if token.ent_type_ else "O" for token in doc]


if __name__ == "__main__":
    reply_with(learn)
