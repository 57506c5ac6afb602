"""Makes the models in the package, from corpora whose licences allow it.

    make models DATA=corpora VECTORS=glove.6B.50d.txt.gz

Training, calibration and the int8 check all follow from the data and a seed: on one kind of processor, with the same
versions, the files come out the same to the byte. Scores go into each model's card.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tagsmith import Sentence, Tagger, store
from tagsmith.corpora import read_corpus, read_registry
from tagsmith.embeddings import RowSelector, load_vectors, lookup_forms, read_table, write_table
from tagsmith.quality.vocabulary_classes import VOCABULARY_CLASSES, Classify
from tagsmith.reproduce.class_scores import by_words
from tagsmith.schemes import SCHEMES, sentence_spans

HERE = Path(__file__).parent
PACKAGE = HERE.parent / "src" / "tagsmith" / "bundled"
BLOCK = 20  # sentences that stand together in a corpus without a split, and stay together
Splits = dict[str, list[Sentence]]


@dataclass(frozen=True)
class Recipe:
    """How a model is made and what it is tested on."""

    name: str
    title: str
    preset: str
    epochs: int
    corpora: tuple[str, ...]
    """What it learns from, by the names of ``tagsmith data``; all of them may be trained on for others."""
    out_of_domain: tuple[str, ...]
    """What it is only tested on."""
    labels: tuple[str, ...] = ()
    """The labels it knows; spans of others are set aside, in training and in tests."""
    settings: Mapping[str, Any] = field(default_factory=dict)


RECIPES = (
    Recipe(
        "en-ner",
        "English names of persons, organisations and places",
        "ner",
        30,
        ("uner_ewt", "btc", "wikigold"),
        ("conll2003",),
        ("PER", "ORG", "LOC"),
        {"words.dropout": 0.5},
    ),
    Recipe("en-pos", "English parts of speech (UPOS)", "pos", 40, ("ud_ewt",), (), (), {"words.dropout": 0.5}),
)


@click.command()
@click.option("--data", required=True, metavar="DIR", help="A folder of corpora, as `tagsmith data` names them.")
@click.option("--vectors", required=True, metavar="FILE", help="GloVe 6B, 50 wide: the start of the word vectors.")
@click.option("--only", multiple=True, help="Only this model.")
def main(data: str, vectors: str, only: tuple[str, ...]) -> None:
    """Train every model in the package and write it with its card."""
    for recipe in RECIPES:
        if not only or recipe.name in only:
            make(recipe, data, vectors)


def make(recipe: Recipe, data: str, vectors: str) -> None:
    """Train a model, round its vectors, calibrate it, check int8 on dev, and write it with its card."""
    corpora = {name: splits(name, data, recipe.labels) for name in (*recipe.corpora, *recipe.out_of_domain)}
    train, dev = ([s for name in recipe.corpora for s in corpora[name][split]] for split in ("train", "dev"))
    with TemporaryDirectory() as folder:
        table = Path(folder) / "words.safetensors"
        seen = lookup_forms(token for sentence in train for token in sentence.tokens)
        write_table(table, read_table(vectors, keep=RowSelector(seen)))
        trained = Tagger.train(
            train, dev, preset=recipe.preset, vectors=table, settings=recipe.settings, epochs=recipe.epochs, seed=1
        )
    tagger = Tagger(store.with_half_vectors(trained.model)).calibrate(dev).check_int8(dev)
    card = model_card(recipe, tagger.model, corpora, known_words(train, vectors))
    Tagger(replace(tagger.model, card=card)).save(PACKAGE / f"{recipe.name}.safetensors")


def splits(name: str, data: str, labels: tuple[str, ...]) -> Splits:
    """The sentences of a corpus by split; one without splits is cut in blocks, of ten one each for dev and test."""
    found = read_corpus(name, data)
    if "train" not in found:
        numbered = [(number, s) for part in found.values() for number, s in enumerate(part)]
        of_block = {8: "dev", 9: "test"}
        found = {"train": [], "dev": [], "test": []}
        for number, sentence in numbered:
            found[of_block.get(number // BLOCK % 10, "train")].append(sentence)
    return {split: [only(s, labels) for s in sentences if len(s)] for split, sentences in found.items()}


def only(sentence: Sentence, labels: tuple[str, ...]) -> Sentence:
    """The sentence with the spans of these labels alone; as it is where none are named."""
    if not labels:
        return sentence
    spans = [span for span in sentence_spans(sentence) if span.label in labels]
    return Sentence(sentence.tokens, SCHEMES["IOB2"].write(spans, len(sentence)))


def known_words(train: list[Sentence], vectors: str) -> Classify:
    """What tells the vocabulary classes apart, by the words of the training data and all that have a vector."""
    seen = {token.lower() for sentence in train for token in sentence.tokens}
    return by_words(seen, set(load_vectors(vectors).words.strings))


def model_card(recipe: Recipe, model: store.Model, corpora: Mapping[str, Splits], classify: Classify) -> str:
    """The card of a model, with scores on the test part of every corpus."""
    fp32, int8 = (Tagger(model, precision=precision) for precision in ("fp32", "int8"))
    environment = Environment(
        loader=FileSystemLoader(HERE), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    tests = {name: replace(fp32.analyse(parts["test"]), classify=classify) for name, parts in corpora.items()}
    return environment.get_template("card.md.jinja").render(
        recipe=recipe,
        model=model,
        registry=read_registry(),
        classes=VOCABULARY_CLASSES,
        sizes={name: {split: len(sentences) for split, sentences in corpora[name].items()} for name in corpora},
        tests=tests,
        in_int8={name: int8.evaluate(parts["test"]).score for name, parts in corpora.items()},
        reliability={name: fp32.calibration_report(parts["test"]) for name, parts in corpora.items()},
    )


if __name__ == "__main__":
    main()
