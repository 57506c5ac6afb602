"""spaCy's NER, as ``spacy.blank("en")`` with the component ``ner`` gives it, trained briefly on the same file.

No pretrained pipeline can be downloaded everywhere, and its speed is that of its architecture: this is the small one's.
"""

import random
from pathlib import Path

import spacy
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import minibatch
from thinc.api import NumpyOps, fix_random_seed, set_current_ops

EPOCHS = 3


def prepare(task):
    """Train, or load what an earlier call trained. The option ``blis`` false sets ``NumpyOps(use_blis=False)``."""
    if not task.options["blis"]:
        set_current_ops(NumpyOps(use_blis=False))
    folder = Path(task.options["folder"]) / "spacy"
    if not folder.exists():
        unfinished = folder.with_suffix(".part")
        train(task.sentences("train")).to_disk(unfinished)
        unfinished.rename(folder)
    sentences = task.tokens("test")
    operations = spacy.load(folder).get_pipe("ner").model.ops
    task.notes |= {
        "version": spacy.__version__,
        "training": f"{EPOCHS} epochs, no vectors",
        "ops": f"{type(operations).__name__}(use_blis={getattr(operations, 'use_blis', None)})",
    }

    def fresh():
        nlp = spacy.load(folder)

        def run():
            docs = nlp.pipe(Doc(nlp.vocab, words=tokens) for tokens in sentences)
            return answer([(len(doc), [(span.start, span.end, span.label_) for span in doc.ents]) for doc in docs])

        return run

    return fresh


def answer(found):
    """What every tagger answers: the number of its tags, and the spans of each sentence."""
    return {"tags": sum(count for count, _ in found), "spans": [spans for _, spans in found]}


def train(sentences):
    """A pipeline after a few epochs of spaCy's own training with its default optimizer."""
    fix_random_seed(1)
    nlp = spacy.blank("en")
    ner = nlp.add_pipe("ner")
    examples = []
    for tokens, tags in sentences:
        doc = Doc(nlp.vocab, words=tokens)
        examples.append(
            Example.from_dict(doc, {"entities": [tag if tag == "O" else bilou(tags, i) for i, tag in enumerate(tags)]})
        )
    for label in sorted({tag[2:] for _, tags in sentences for tag in tags if tag != "O"}):
        ner.add_label(label)
    optimizer = nlp.initialize(lambda: examples[:100])
    shuffle = random.Random(1).shuffle
    for _ in range(EPOCHS):
        shuffle(examples)
        for batch in minibatch(examples, 32):
            nlp.update(batch, sgd=optimizer, drop=0.1)
    return nlp


def bilou(tags, i):
    """The tag of token i in spaCy's scheme, BILUO."""
    goes_on = i + 1 < len(tags) and tags[i + 1] == "I-" + tags[i][2:]
    letter = {("B", True): "B", ("B", False): "U", ("I", True): "I", ("I", False): "L"}[tags[i][0], goes_on]
    return letter + tags[i][1:]
