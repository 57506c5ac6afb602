"""Checkpoint files: written whole, read back, and refused if damaged."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tagsmith.config import configure
from tagsmith.errors import ConfigError, DataError
from tagsmith.tensors import map_tensors, write_sealed, write_tensors
from tagsmith.training import checkpoint, loop
from tagsmith.training.resuming import CheckpointOptions
from tests.support.training import SENTENCES, SIZES, Watcher


class CutOff(Watcher):
    """Ends a training in the second step of its second epoch."""

    def stepped(self, epoch: int, loss: float, tokens: int) -> None:
        super().stepped(epoch, loss, tokens)
        if len(self.steps) == 5:
            raise MemoryError


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A checkpoint after an epoch and a step of the next."""
    path = tmp_path_factory.mktemp("checkpoint") / "c.safetensors"
    config = configure(settings={**SIZES, "training.epochs": 3})
    with pytest.raises(MemoryError):
        loop.train(SENTENCES, SENTENCES, config, None, [CutOff()], checkpoints=CheckpointOptions(path, 0.0))
    return path.read_bytes()


@pytest.fixture
def path(content: bytes, tmp_path: Path) -> Path:
    """A copy of the checkpoint."""
    (tmp_path / "c.safetensors").write_bytes(content)
    return tmp_path / "c.safetensors"


def resume(path: Path) -> None:
    config = configure(settings={**SIZES, "training.epochs": 3})
    loop.train(SENTENCES, SENTENCES, config, None, checkpoints=CheckpointOptions(path, resume=True))


@pytest.mark.parametrize(
    ("model", "name"),
    [("ner.safetensors", "ner.checkpoint.safetensors"), ("my.model", "my.model.checkpoint.safetensors")],
)
def test_it_is_beside_the_model(model: str, name: str) -> None:
    assert checkpoint.checkpoint_beside(Path("out") / model) == Path("out") / name


def test_what_was_saved_is_loaded_again(path: Path, tmp_path: Path) -> None:
    identity = json.loads(map_tensors(path, "tagsmith-checkpoint")[1])["identity"]
    kept = checkpoint.load(path, identity)
    assert (len(kept.progress.epochs), kept.progress.steps, kept.changed) == (1, 1, frozenset())
    checkpoint.save(kept, identity, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_what_differs_is_named_and_can_be_overridden(path: Path) -> None:
    identity = json.loads(map_tensors(path, "tagsmith-checkpoint")[1])["identity"]
    identity["config"]["training"]["clip"] = 1.0
    with pytest.raises(ConfigError, match=r"config\.training\.clip: 5\.0 in the checkpoint, 1\.0 now"):
        checkpoint.load(path, identity)
    assert checkpoint.load(path, identity, anyway=True).changed == {"config.training.clip"}


def test_a_cut_or_changed_file_is_an_error(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    with pytest.raises(DataError, match="a damaged or foreign file"):
        resume(path)
    path.write_bytes(whole[:-10] + bytes([whole[-10] ^ 1]) + whole[-9:])
    with pytest.raises(DataError, match="does not match its SHA-256: the checkpoint was changed or damaged"):
        resume(path)


def _without(name: str) -> Callable[[dict[str, Any]], object]:
    return lambda document: document.pop(name)


def _progress(**values: Any) -> Callable[[dict[str, Any]], object]:
    return lambda document: document["progress"].update(values)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda document: document.clear(), "a checkpoint of version None"),
        (_without("version"), "a checkpoint of version None"),
        (_without("progress"), r"a damaged checkpoint \(Object missing required field `progress`\)"),
        (_without("identity"), "a damaged checkpoint"),
        (_progress(steps="two"), r"a damaged checkpoint \(Expected `int`, got `str` - at `\$.progress.steps`\)"),
        (_progress(epochs=[{}]), "a damaged checkpoint"),
        (lambda document: document["progress"]["epochs"][0].update(number=2), r"a damaged checkpoint \(its epochs\)"),
        (lambda document: document["progress"]["epochs"][0].update(best=False), r"a damaged checkpoint \(its epochs\)"),
        (lambda document: document["progress"]["epochs"][0]["dev"].update(confusion=[1]), "expected triples"),
        (_progress(steps=5), "5 steps of an epoch; expected 0 to 3"),
        (_progress(steps=-1), "-1 steps of an epoch; expected 0 to 3"),
    ],
)
def test_a_checkpoint_whose_document_makes_no_sense_is_one_error(
    change: Callable[[dict[str, Any]], object], found: str, path: Path
) -> None:
    arrays, text = map_tensors(path, "tagsmith-checkpoint")
    document = json.loads(text)
    change(document)
    write_sealed(path, arrays, document, "tagsmith-checkpoint")
    with pytest.raises(DataError, match=found):
        resume(path)


@pytest.mark.parametrize("text", ["[]", "{", "null", '"x"', "[" * 100_000])
def test_a_checkpoint_without_a_document_is_one_error(text: str, tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    write_tensors(path, {"weights:x": np.zeros(1)}, text, "tagsmith-checkpoint")
    with pytest.raises(DataError, match="a damaged checkpoint"):
        resume(path)
