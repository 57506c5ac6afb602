from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from tagsmith import store
from tagsmith.files import replacing
from tagsmith.serve.messages import ModelInfo
from tagsmith.serve.model_pool import model_info
from tests.support.handmade import lexicon_model
from tests.support.running import Clients, Running, running, wait_for


def test_every_model_lists_its_labels(service: Running):
    for name in ("ner", "pos"):
        service.post({"text": "Jay", "model": name})
    ner, pos, _ = service.get("v1/models").json()
    assert (ner["labels"], ner["plain"], ner["tags"][0]) == (["LOC", "PER"], False, "O")
    assert (pos["labels"], pos["plain"]) == (["NOUN", "O", "VERB"], True)
    assert model_info("other", None) == ModelInfo(name="other", loaded=False)


def other_model(path: Path) -> None:
    """Replace a model file by one in which Jay is a location."""
    with replacing(path) as temporary:
        store.save(lexicon_model({"jay": "S-LOC", "mira": "S-PER"}), temporary)


def test_a_file_that_changes_is_served_without_losing_a_request(model_files: Path, tmp_path: Path):
    path = tmp_path / "ner.safetensors"
    shutil.copy(model_files / "ner.safetensors", path)
    with running(path) as service:
        clients = Clients(service, 4)
        wait_for(lambda: len(clients.labels) > 20)
        other_model(path)
        wait_for(lambda: "LOC" in clients.labels)
        clients.stop()
        assert clients.lost == []
        assert set(clients.labels) == {"PER", "LOC"}
        settled = clients.labels[clients.labels.index("LOC") + 4 :]
        assert "PER" not in settled


def test_a_damaged_file_changes_nothing(model_files: Path, tmp_path: Path):
    path = tmp_path / "ner.safetensors"
    shutil.copy(model_files / "ner.safetensors", path)
    with running(path) as service:
        with replacing(path) as temporary:
            temporary.write_bytes(path.read_bytes()[:-10])
        wait_for(lambda: bool(service.events("model_failed")))
        assert service.post({"text": "Jay left."}).json()["answers"][0]["spans"][0]["label"] == "PER"
        time.sleep(2.5)
        assert len(service.events("model_failed")) == 1  # not tried again until it changes again
        assert 'tagsmith_model_loads_total{model="ner",outcome="failed"} 1.0' in service.get("metrics").text
        other_model(path)
        wait_for(lambda: len(service.events("model_loaded")) == 2)


class TestModels:
    def test_they_are_loaded_on_first_use_and_unloaded_when_memory_is_short(self, tmp_path: Path):
        rng = os.urandom(3).hex()
        words = {f"{rng}{i}": "S-PER" for i in range(60_000)}
        for name in ("a", "b", "c"):
            store.save(lexicon_model({"jay": "S-PER", **words}), tmp_path / f"{name}.safetensors")
        megabytes = (tmp_path / "a.safetensors").stat().st_size / 1e6
        paths = [tmp_path / f"{name}.safetensors" for name in ("a", "b", "c")]
        with running(*paths, "--memory", int(2.9 * megabytes)) as service:

            def loaded() -> list[str]:
                return [model["name"] for model in service.get("v1/models").json() if model["loaded"]]

            assert loaded() == ["a"]
            for name in ("b", "a", "c"):
                assert service.post({"text": "Jay", "model": name}).json()["model"] == name
            assert loaded() == ["a", "c"]  # b is the least recently used
            assert service.events("model_unloaded")[0]["model"] == "b"

    def test_a_model_that_can_not_be_loaded_is_reported(self, model_files: Path, tmp_path: Path):
        shutil.copy(model_files / "pos.safetensors", tmp_path / "pos.safetensors")
        with running(model_files / "ner.safetensors", tmp_path / "pos.safetensors") as service:
            (tmp_path / "pos.safetensors").unlink()
            answer = service.post({"text": "Jay", "model": "pos"})
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "model_failed")
            assert service.post({"text": "Jay"}).status_code == 200
