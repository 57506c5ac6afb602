from __future__ import annotations

import dataclasses
import gzip
import hashlib
import json
import os
import pickle
import random
import runpy
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save_file

from tagsmith import store
from tagsmith.errors import DataError, ModelFileError
from tagsmith.tensors import digest, map_tensors, pack_strings, write_tensors
from tests.support.handmade import lexicon_model, random_model, same
from tests.support.recipes import RECIPES

Document = dict[str, Any]
Tensors = dict[str, NDArray[Any]]

TRAIN_ONCE = """
import sys
from tagsmith import Sentence, Tagger
data = [Sentence(["Jay", "is", "from", f"India{i}", "."], ["B-PER", "O", "O", "B-LOC", "O"]) for i in range(3)]
data += [Sentence(["EU", "rejects", "it"], ["B-ORG", "O", "O"])]
settings = {"words.dim": 4, "chars.dim": 4, "chars.filters": 4, "encoder.size": 4}
Tagger.train(data, data, settings=settings, epochs=2, out=sys.argv[1], progress=False)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A model file of random weights, to be spoilt."""
    store.save(random_model(1), tmp_path / "good.safetensors")
    return tmp_path / "good.safetensors"


@pytest.mark.parametrize("make", [lambda: lexicon_model(), lambda: random_model(3, "IOE1", ["é", "x-y"])])
def test_a_model_comes_back_whole(tmp_path: Path, make: Callable[[], store.Model]):
    store.save(make(), tmp_path / "m")
    assert same(store.load(tmp_path / "m"), make())


def test_a_trained_model_comes_back_whole(tiny_model_path: Path, tmp_path: Path):
    model = store.load(tiny_model_path)
    store.save(model, tmp_path / "again")
    assert same(store.load(tmp_path / "again"), model)
    assert (tmp_path / "again").read_bytes() == tiny_model_path.read_bytes()


def test_what_training_noted_comes_back(tmp_path: Path):
    noted = {"dev": {"score": 91.25, "accuracy": 1e-300}, "vectors": None, "dev_sentences": 3}
    model = random_model(1)
    store.save(store.Model(model.config, model.alphabets, model.tags, model.weights, noted), tmp_path / "m")
    assert store.load(tmp_path / "m").training == noted


def test_the_words_without_a_vector_come_back(tmp_path: Path):
    model = dataclasses.replace(random_model(1), without_vector=np.array([1, 4, 30]))
    store.save(model, tmp_path / "m")
    assert same(store.load(tmp_path / "m"), model)


@pytest.mark.parametrize("ids", [[0, 1], [2, 1], [1, 1], [31], [-1], [[1]]], ids=str)
def test_words_without_a_vector_that_are_no_words_in_order_are_refused(tmp_path: Path, ids: list[int]):
    store.save(dataclasses.replace(random_model(1), without_vector=np.array(ids)), tmp_path / "m")
    with pytest.raises(ModelFileError, match=r"words\.without_vector is not a list of words in order"):
        store.load(tmp_path / "m")


def test_words_without_a_vector_are_whole_numbers(tmp_path: Path):
    store.save(dataclasses.replace(random_model(1), without_vector=np.array([1.0])), tmp_path / "m")  # type: ignore[arg-type]
    with pytest.raises(ModelFileError, match=r"words\.without_vector"):
        store.load(tmp_path / "m")


def test_a_calibration_comes_back(tmp_path: Path):
    found = store.Calibration(
        sentences_sha256="ab",
        sentences=3,
        answers=7,
        ece_before=0.1,
        ece_after=0.02,
        brier_before=0.2,
        brier_after=0.1,
    )
    model = dataclasses.replace(random_model(1), calibration=found)
    store.save(model, tmp_path / "m")
    assert same(store.load(tmp_path / "m"), model)


CHECK = store.Int8Check(dev_score_fp32=93.25, dev_score_int8=93.0, dev_sentences=7, dev_tokens=80)


def test_a_check_of_int8_comes_back_and_leaves_all_else_as_it_was(path: Path, tmp_path: Path):
    model = random_model(1)
    store.save(dataclasses.replace(model, int8=CHECK), tmp_path / "m")
    assert store.load(tmp_path / "m").int8 == CHECK
    document, tensors = _open(tmp_path / "m")
    without, same_tensors = _open(path)
    assert document.pop("precision") == {
        "int8": {"dev_score_fp32": 93.25, "dev_score_int8": 93.0, "dev_sentences": 7, "dev_tokens": 80}
    }
    assert document.pop("sha256") != without.pop("sha256")
    assert document == without
    assert {name: array.tobytes() for name, array in tensors.items()} == {
        name: array.tobytes() for name, array in same_tensors.items()
    }


@pytest.mark.parametrize(
    ("int8", "passed"), [(93.25, True), (93.2, True), (93.3, True), (93.19, False), (93.31, False), (0.0, False)]
)
def test_a_check_is_passed_by_scores_at_most_5_hundredths_apart(int8: float, passed: bool):
    check = store.Int8Check(dev_score_fp32=93.25, dev_score_int8=int8, dev_sentences=7, dev_tokens=80)
    assert check.passed is passed
    assert check.difference == pytest.approx(int8 - 93.25)


def test_the_same_model_gives_the_same_bytes(path: Path, tmp_path: Path):
    model = random_model(1)
    turned = {name: model.weights[name] for name in sorted(model.weights, reverse=True)}
    again = store.Model(model.config, model.alphabets, model.tags, turned, model.training)
    store.save(again, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_another_seed_gives_other_bytes(path: Path, tmp_path: Path):
    store.save(random_model(2), tmp_path / "other")
    assert (tmp_path / "other").read_bytes() != path.read_bytes()


def test_saving_over_the_file_a_model_was_loaded_from_keeps_the_model(path: Path):
    model = store.load(path)
    store.save(model, path)
    assert same(store.load(path), random_model(1))
    assert same(model, random_model(1))


def test_weights_stay_on_disk_and_are_read_only(path: Path):
    for weight in store.load(path).weights.values():
        assert isinstance(weight.base, np.memmap)
        assert not weight.flags.writeable


def test_the_file_holds_the_weights_listed_in_shapes_and_three_alphabets(path: Path):
    model = random_model(1)
    listed = set(store.shapes(model.config, model.alphabets, len(model.tags)))
    strings = {f"{name}.{part}" for name in ("words", "chars", "tags") for part in ("bytes", "offsets")}
    with safe_open(path, "numpy") as file:
        assert set(file.keys()) == listed | strings
        assert set(file.metadata()) == {"tagsmith"}


def test_the_digest_is_the_one_described_in_the_docs(path: Path):
    tensors, text = map_tensors(path, "tagsmith")
    given = json.loads(text)["sha256"]
    own = hashlib.sha256(text.replace(f'"sha256":"{given}"', '"sha256":""', 1).encode())
    for name, array in sorted(tensors.items()):
        own.update(json.dumps([name, array.dtype.str, list(array.shape)], separators=(",", ":")).encode())
        own.update(array.tobytes())
    assert given == own.hexdigest()


def test_training_twice_in_other_processes_and_places_gives_identical_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    here, there = tmp_path / "one" / "a.safetensors", tmp_path / "another place" / "b.safetensors"
    for place in (here, there):
        place.parent.mkdir()
    script = tmp_path / "train_once.py"
    script.write_text(TRAIN_ONCE)
    monkeypatch.chdir(here.parent)
    monkeypatch.setattr(sys, "argv", ["", here.name])
    runpy.run_path(str(script))
    # Strings hash otherwise there, so sets and the like have another order.
    env = {**os.environ, "PYTHONHASHSEED": "8" if os.environ.get("PYTHONHASHSEED") == "7" else "7", "TZ": "UTC+5"}
    subprocess.run([sys.executable, script, there], cwd=there.parent, env=env, check=True)
    assert hashlib.sha256(here.read_bytes()).hexdigest() == hashlib.sha256(there.read_bytes()).hexdigest()
    for trace in (b"another place", b"a.safetensors", b"b.safetensors", str(tmp_path).encode()):
        assert trace not in here.read_bytes()


def test_every_changed_byte_is_noticed(path: Path, tmp_path: Path):
    good = path.read_bytes()
    header = 8 + int.from_bytes(good[:8], "little")
    rng = random.Random(7)
    places = [*range(10), *rng.sample(range(header), 80), *rng.sample(range(header, len(good)), 80)]
    for place in places:
        bad = bytearray(good)
        bad[place] ^= rng.choice([0x01, 0x10, 0x20, 0x80, 0xFF])
        assert _refusal(bad, tmp_path), f"byte {place} of {len(good)} changed to {bad[place]:#x}"


def test_every_cut_is_noticed(path: Path, tmp_path: Path):
    good = path.read_bytes()
    header = 8 + int.from_bytes(good[:8], "little")
    lengths = {0, 1, 7, 8, 9, header - 1, header, header + 1, len(good) - 1, *range(0, len(good), len(good) // 40)}
    for length in sorted(lengths):
        assert _refusal(good[:length], tmp_path), f"cut to {length} of {len(good)} bytes"


def test_bytes_after_the_end_are_noticed(path: Path, tmp_path: Path):
    assert "a damaged or foreign file" in _refusal(path.read_bytes() + b"\0", tmp_path)


def test_two_exchanged_weights_are_noticed(path: Path, tmp_path: Path):
    document, tensors = _open(path)
    tensors["head.start_transitions"], tensors["head.end_transitions"] = (
        tensors["head.end_transitions"],
        tensors["head.start_transitions"],
    )
    write_tensors(tmp_path / "bad", tensors, json.dumps(document), "tagsmith")
    with pytest.raises(ModelFileError, match="does not match its SHA-256"):
        store.load(tmp_path / "bad")


def test_a_missing_file_is_a_data_error_that_names_it(tmp_path: Path):
    with pytest.raises(DataError) as caught:
        store.load(tmp_path / "none.safetensors")
    assert (
        str(caught.value)
        == f"{tmp_path}/none.safetensors: found no such file; expected a tagsmith model file or one of: en-ner, en-pos"
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 8,
        b"\0" * 100,
        b"\xff" * 100,
        b"{}",
        b'{"format_version": 1, "config": {}}',
        b"Jay\tB-PER\n",
        gzip.compress(b"text", mtime=0),
        pickle.dumps({"weights": [1.0]}),
        (2).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"[]",
        (2**63).to_bytes(8, "little") + b"{}",
    ],
    ids=repr,
)
def test_another_kind_of_file_is_refused(content: bytes, tmp_path: Path):
    assert str(tmp_path) in _refusal(content, tmp_path)


def test_a_zip_file_is_refused(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "z", "w") as archive:
        archive.writestr("model/data.pkl", pickle.dumps([1]))
    assert _refusal((tmp_path / "z").read_bytes(), tmp_path)


def test_nothing_in_a_refused_file_is_run(tmp_path: Path):
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "trapped",)

    assert _refusal(pickle.dumps(Trap()), tmp_path)
    assert not (tmp_path / "trapped").exists()
    pickle.loads(pickle.dumps(Trap()))
    assert (tmp_path / "trapped").exists()


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}, {"Tagsmith": "{}"}, {"tagsmith": ""}])
def test_the_tensors_of_another_program_are_no_model(metadata: dict[str, str] | None, tmp_path: Path):
    save_file({"weight": np.zeros((2, 2), np.float32)}, tmp_path / "m", metadata)
    with pytest.raises(ModelFileError, match="a safetensors file, but not a tagsmith model"):
        store.load(tmp_path / "m")


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "null", "1", '"x"', "[" * 5000, '{"a":' * 5000, '{"a":' + "[" * 5000, "\\ud800"],
    ids=lambda text: text[:6],
)
def test_metadata_that_is_no_object_is_refused(text: str, tmp_path: Path):
    write_tensors(tmp_path / "m", {"x": np.zeros(1, np.float32)}, text, "tagsmith")
    with pytest.raises(ModelFileError, match="damaged metadata"):
        store.load(tmp_path / "m")


@pytest.mark.parametrize("version", [0, 3, -1, 1.5, 2.0, "1", None, [1], True])
def test_another_format_version_is_refused_even_with_its_right_digest(version: object, path: Path, tmp_path: Path):
    def change(document: Document, tensors: Tensors) -> None:
        document["format_version"] = version

    message = _refusal_after(change, path, tmp_path)
    assert f"format version {version!r}; this tagsmith reads versions 1 and 2" in message


VERSION_1 = {  # the settings of random_model as version 1 wrote them
    "chars": {"dim": 2, "dropout": 0.5, "filters": 2, "window": 3},
    "encoder": {"dropout_in": 0.5, "dropout_out": 0.5, "size": 5},
    "head": {"potentials": "shared"},
    "scheme": "BIOES",
    "training": {
        **{"batch_size": 10, "clip": 5.0, "decay": 0.05, "epochs": 50, "learning_rate": 0.015, "momentum": 0.9},
        **{"patience": 15, "seed": 1, "threads": 1},
    },
    "words": {"dim": 4, "lowercase": True, "unknown_rate": 0.5, "zero_digits": True},
}


def test_a_file_of_version_1_is_the_model_it_was_and_is_saved_in_version_2(path: Path, tmp_path: Path):
    def change(document: Document, tensors: Tensors) -> None:
        document.update(format_version=1, config=VERSION_1)

    _write_after(change, path, tmp_path / "old")
    old = store.load(tmp_path / "old")
    assert same(old, random_model(1))
    assert old.format_version == 1
    store.save(old, tmp_path / "new")
    assert (tmp_path / "new").read_bytes() == path.read_bytes()
    assert store.load(tmp_path / "new").format_version == 2


@pytest.mark.parametrize("section", ["chars", "head"])
def test_a_file_of_version_2_says_the_kind_of_each_part(section: str, path: Path, tmp_path: Path):
    message = _refusal_after(lambda document, tensors: document["config"][section].pop("kind"), path, tmp_path)
    assert f"not a whole model: {section}: object missing required field `kind`" in message


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_a_model_of_any_kind_comes_back_whole(recipe: dict[str, Any], tmp_path: Path):
    model = random_model(4, settings={**recipe, "decode.constraints": "none"})
    store.save(model, tmp_path / "m")
    assert same(store.load(tmp_path / "m"), model)


def test_half_precision_comes_back_and_takes_two_bytes_a_number(tmp_path: Path):
    whole = random_model(0)
    half = store.with_half_vectors(whole)
    store.save(half, tmp_path / "half")
    found = store.load(tmp_path / "half").weights
    assert found["words.vectors"].dtype == np.float16
    assert found["words.vectors"].tolist() == whole.weights["words.vectors"].astype(np.float16).tolist()
    assert {name: weight.dtype for name, weight in found.items() if name != "words.vectors"} == {
        name: np.dtype(np.float32) for name in whole.weights if name != "words.vectors"
    }


def test_a_number_too_large_for_half_precision_is_an_error():
    model = random_model(0)
    model.weights["words.vectors"][3, 1] = 70_000
    with pytest.raises(ValueError, match="beyond 65504"):
        store.with_half_vectors(model)


def _set(place: str, value: object) -> Callable[[Document, Tensors], None]:
    def change(document: Document, tensors: Tensors) -> None:
        *parents, last = place.split("/")
        for parent in parents:
            document = document[parent]
        document[last] = value

    return change


def _array(name: str, make: Callable[[NDArray[Any]], NDArray[Any]]) -> Callable[[Document, Tensors], None]:
    def change(document: Document, tensors: Tensors) -> None:
        tensors[name] = make(tensors[name])

    return change


def _strings(name: str, strings: list[str]) -> Callable[[Document, Tensors], None]:
    def change(document: Document, tensors: Tensors) -> None:
        tensors[f"{name}.bytes"], tensors[f"{name}.offsets"] = pack_strings(strings)

    return change


EIGHT_TAGS = ["O", "B-a", "I-a", "E-a", "S-a", "B-b", "I-b", "E-b"]  # one fewer than the model has


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda document, tensors: document.pop("config"), "'config'"),
        (lambda document, tensors: document.pop("training"), "'training'"),
        (lambda document, tensors: document.pop("trained_words"), "'trained_words'"),
        (_set("config", None), "`null`"),
        (_set("config/scheme", "IOB"), "scheme"),
        (_set("config/colour", "red"), "colour"),
        (_set("config/encoder/size", 0), "encoder.size"),
        (_set("config/encoder/size", 6), "weight 'encoder.bias' is"),
        (_set("config/words/dim", None), "weight 'encoder.input_weight' is"),
        (_set("config/chars/window", 2), "odd"),
        (_set("config/chars/kind", "lstm"), "unknown field"),
        (_set("config/chars", {"kind": "none"}), "weight 'chars.bias' is (2,), expected None"),
        (_set("config/head/kind", "softmax"), "unknown field"),
        (_set("config/head/potentials", "bigram"), "weight 'head.bias' is (9,), expected (90,)"),
        (_set("config/encoder/layers", 2), "weight 'encoder2.bias' is None, expected (2, 20)"),
        (_set("config/encoder/kind", "rnn"), "weight 'encoder.bias' is (2, 20), expected (2, 5)"),
        (_set("precision", None), "`null`"),
        (_set("precision", {"int4": {}}), "int4"),
        (_set("precision", {"int8": {"dev_score_fp32": 90.0}}), "dev_score_int8"),
        (_set("precision", {"int8": {**msgspec.to_builtins(CHECK), "dev_score_int8": 100.5}}), "<= 100.0"),
        (_set("precision", {"int8": {**msgspec.to_builtins(CHECK), "dev_tokens": 0}}), "dev_tokens"),
        (_set("trained_words", 0), "0 trained words among 31"),
        (_set("trained_words", 32), "32 trained words among 31"),
        (_set("trained_words", "many"), ""),
        (lambda document, tensors: tensors.pop("head.bias"), "weight 'head.bias' is None"),
        (lambda document, tensors: tensors.pop("tags.bytes"), "tags.bytes"),
        (lambda document, tensors: tensors.pop("words.offsets"), "words.offsets"),
        (lambda document, tensors: tensors.update(more=np.zeros(1, np.float32)), "weight 'more' is"),
        (_array("head.bias", lambda a: a[:-1]), "weight 'head.bias' is"),
        (_array("head.bias", lambda a: a.astype(np.int32)), "of float32"),
        (_array("words.vectors", lambda a: a.T), "weight 'words.vectors' is"),
        (_array("words.offsets", lambda a: a + 1), "offsets do not fit the bytes"),
        (_array("words.offsets", lambda a: a[:0]), "offsets do not fit the bytes"),
        (_array("words.bytes", lambda a: a | 0x80), "utf-8"),
        (_strings("tags", EIGHT_TAGS), "weight 'head.bias' is"),
        (_strings("tags", [*EIGHT_TAGS, "O"]), "a string comes twice"),
        (_strings("tags", [*EIGHT_TAGS, "NOUN"]), "tag 'NOUN' under scheme BIOES"),
        (_strings("chars", ["", "a", "a"]), "a string comes twice"),
    ],
)
def test_a_file_with_its_right_digest_but_not_a_whole_model_is_refused(
    change: Callable[[Document, Tensors], None], message: str, path: Path, tmp_path: Path
):
    refusal = _refusal_after(change, path, tmp_path)
    assert "not a whole model" in refusal
    assert message in refusal


def test_the_helper_that_spoils_files_spoils_nothing_by_itself(path: Path, tmp_path: Path):
    _write_after(lambda document, tensors: None, path, tmp_path / "same")
    assert same(store.load(tmp_path / "same"), random_model(1))


def test_plain_tags_may_be_any_strings(tmp_path: Path):
    words = {"a": "B-", "b": "-", "c": "NN P", "d": "I-x"}
    store.save(lexicon_model(words, "plain"), tmp_path / "m")
    assert store.load(tmp_path / "m").tags == ("-", "B-", "I-x", "NN P", "O")


def _open(path: Path) -> tuple[Document, Tensors]:
    tensors, text = map_tensors(path, "tagsmith")
    return json.loads(text), tensors


def _write_after(change: Callable[[Document, Tensors], object], path: Path, target: Path) -> None:
    document, tensors = _open(path)
    document["sha256"] = ""
    change(document, tensors)
    text = json.dumps(document, separators=(",", ":"))
    text = text.replace('"sha256":""', f'"sha256":"{digest(text, tensors)}"', 1)
    write_tensors(target, tensors, text, "tagsmith")


def _refusal_after(change: Callable[[Document, Tensors], object], path: Path, folder: Path) -> str:
    _write_after(change, path, folder / "changed")
    return _refusal((folder / "changed").read_bytes(), folder)


def _refusal(content: bytes | bytearray, folder: Path) -> str:
    """The message with which these bytes are refused; any other error, or none, fails the test."""
    (folder / "bad").write_bytes(content)
    try:
        store.load(folder / "bad")
    except ModelFileError as error:
        return str(error)
    return ""
