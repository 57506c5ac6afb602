"""Flair's SequenceTagger of the same kind and size: word and character embeddings, a BiLSTM of 200, a CRF.

Flair's published models can't be downloaded everywhere, and their language models would make it many times slower. It
is trained on 8,000 sentences, at most 2,000 of them different, which is enough for a measurable F1.
"""

import warnings
from pathlib import Path

import flair
import torch
from flair.data import Corpus, Dictionary, Sentence
from flair.datasets import FlairDatapointDataset
from flair.embeddings import CharacterEmbeddings, OneHotEmbeddings, StackedEmbeddings
from flair.models import SequenceTagger
from flair.trainers import ModelTrainer

SENTENCES = 2_000
SEEN = 8_000
"""Sentences to train on, counting repetitions."""


def prepare(task):
    """Train, or load the model of an earlier call."""
    warnings.simplefilter("ignore")
    flair.device = torch.device("cpu")
    torch.set_num_threads(1)
    flair.set_seed(1)
    folder = Path(task.options["folder"]) / "flair"
    if not (folder / "final-model.pt").exists():
        train(task.sentences("train")[:SENTENCES], folder)
    sentences = task.tokens("test")
    training = f"on {SEEN:,} sentences; word and character embeddings, BiLSTM 200, CRF"
    task.notes |= {"version": flair.__version__, "training": training}

    def fresh():
        tagger = SequenceTagger.load(str(folder / "final-model.pt"))
        tagger.eval()

        def run():
            given = [Sentence(tokens) for tokens in sentences]  # new ones, as Flair keeps embeddings on the tokens
            tagger.predict(given, mini_batch_size=32)
            spans = [[(s[0].idx - 1, s[-1].idx, s.tag) for s in sentence.get_spans("ner")] for sentence in given]
            return {"tags": sum(map(len, given)), "spans": spans}

        return run

    return fresh


def train(sentences, folder):
    """Train a tagger briefly with Flair's own trainer."""
    given = [tagged(tokens, tags) for tokens, tags in sentences]
    corpus = Corpus(train=FlairDatapointDataset(given), dev=None, test=None, sample_missing_splits=False)
    labels = corpus.make_label_dictionary("ner", add_unk=False)
    characters = Dictionary()
    for character in sorted({character for tokens, _ in sentences for token in tokens for character in token}):
        characters.add_item(character)
    words = OneHotEmbeddings.from_corpus(corpus, embedding_length=100)
    embeddings = StackedEmbeddings([words, CharacterEmbeddings(characters)])
    tagger = SequenceTagger(embeddings, labels, tag_type="ner", hidden_size=200, use_crf=True)
    options = {"optimizer": torch.optim.AdamW, "learning_rate": 0.003, "mini_batch_size": 10}
    epochs = -(-SEEN // len(sentences))
    ModelTrainer(tagger, corpus).train(folder, max_epochs=epochs, use_final_model_for_eval=True, **options)


def tagged(tokens, tags):
    """Return a sentence with its gold spans."""
    sentence = Sentence(tokens)
    start = None
    for i, tag in enumerate([*tags, "O"]):
        if start is not None and not tag.startswith("I-"):
            sentence[start:i].add_label("ner", tags[start][2:])
            start = None
        if tag.startswith("B-"):
            start = i
    return sentence
