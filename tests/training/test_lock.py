"""The lock on a model file: a second training is refused, and a killed one locks nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tagsmith import Sentence, Tagger, store
from tagsmith.errors import DataError
from tagsmith.training.lock import sole_training

SENTENCES = [Sentence(["Ann", "left"], ["B-PER", "O"])]
TINY = {"words.dim": 2, "chars.kind": "none", "encoder.size": 2, "training.epochs": 1}
HOLD = """
import sys, time
from pathlib import Path
from tagsmith.training.lock import sole_training
with sole_training(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_second_training_is_refused_at_once_and_changes_nothing(tmp_path: Path) -> None:
    out = tmp_path / "m.safetensors"
    (tmp_path / "link").symlink_to(out)
    with sole_training(out):
        for name in (out, tmp_path / "link"):
            with pytest.raises(DataError, match="another training that is writing this model; expected that it ends"):
                Tagger.train(SENTENCES, settings=TINY, out=name, progress=False)
        assert names(tmp_path) == {".m.safetensors.training", "link"}
        Tagger.train(SENTENCES, settings=TINY, out=tmp_path / "other", progress=False)
    Tagger.train(SENTENCES, settings=TINY, out=out, progress=False)
    assert ".m.safetensors.training" not in names(tmp_path)


def test_a_training_that_would_resume_is_refused_too(tmp_path: Path) -> None:
    out = tmp_path / "m.safetensors"
    (tmp_path / "m.checkpoint.safetensors").write_bytes(b"a checkpoint")
    with sole_training(out):
        for resume in (False, True):
            with pytest.raises(DataError, match="another training that is writing"):
                Tagger.train(SENTENCES, settings=TINY, out=out, resume=resume, progress=False)


def test_the_lock_of_a_killed_process_locks_nothing(tmp_path: Path) -> None:
    out = tmp_path / "m.safetensors"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(out)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    with holder, holder.stdout:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(DataError, match="another training"), sole_training(out):
            pass
        holder.send_signal(signal.SIGKILL)
    assert names(tmp_path) == {".m.safetensors.training"}
    with sole_training(out):
        assert names(tmp_path) == {".m.safetensors.training"}
    assert names(tmp_path) == set()


def test_a_training_that_fails_releases_the_lock_and_leaves_nothing(tmp_path: Path) -> None:
    out = tmp_path / "m.safetensors"
    with pytest.raises(DataError, match="no spans"):
        Tagger.train([Sentence(["a"], ["O"])], settings=TINY, out=out, progress=False)
    with sole_training(out):
        pass
    assert names(tmp_path) == set()


def test_a_model_that_cannot_be_written_leaves_no_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(model: store.Model, path: Path) -> None:
        raise DataError("a full disk", "room", source=str(path))

    monkeypatch.setattr(store, "save", full)
    with pytest.raises(DataError, match="a full disk"):
        Tagger.train(SENTENCES, settings=TINY, out=tmp_path / "m.safetensors", progress=False)
    assert names(tmp_path) == {"m.checkpoint.safetensors"}


def test_no_two_hold_it_although_its_file_comes_and_goes(tmp_path: Path) -> None:
    inside, most, held = 0, 0, 0

    def work() -> None:
        nonlocal inside, most, held
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            try:
                with sole_training(tmp_path / "m.safetensors"):
                    inside += 1
                    most, held = max(most, inside), held + 1
                    time.sleep(0.0002)
                    inside -= 1
            except DataError:
                pass

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert held > 10
