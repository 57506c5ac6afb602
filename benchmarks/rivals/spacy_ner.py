"""spaCy's NER: ``spacy.blank("en")`` with the component ``ner``, trained briefly on the same file.

Pretrained pipelines can't be downloaded everywhere. Speed depends on the architecture, and this one is that of the
small pipeline.
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
    """Train, or load the model of an earlier call. The option ``blis`` chooses ``NumpyOps(use_blis=...)``."""
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
            return output_of([(len(doc), [(span.start, span.end, span.label_) for span in doc.ents]) for doc in docs])

        return run

    return fresh


def output_of(tagged):
    """Return what every tagger returns: the number of tags, and the spans of each sentence."""
    return {"tags": sum(count for count, _ in tagged), "spans": [spans for _, spans in tagged]}


def train(sentences):
    """Train a pipeline for a few epochs with spaCy's default optimizer."""
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
    """Return the tag of token i in spaCy's scheme, BILUO."""
    continues = i + 1 < len(tags) and tags[i + 1] == "I-" + tags[i][2:]
    letter = {("B", True): "B", ("B", False): "U", ("I", True): "I", ("I", False): "L"}[tags[i][0], continues]
    return letter + tags[i][1:]
