"""The models of a service: loaded on first use, unloaded when memory is short, reloaded when their files change."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tagsmith.errors import ConfigError, TagsmithError
from tagsmith.rules import InputWithRules, Rule, Rules
from tagsmith.serve.logs import ServiceLog
from tagsmith.serve.messages import ModelInfo
from tagsmith.serve.refusals import RequestRefused
from tagsmith.tagger import Tagger

_WARM_UP = "Jay is from India, and the Red Cross met in New South Wales."
_WATCH_SECONDS = 1.0  # between two checks for changed files
_FileState = tuple[int, int, int]


class _Slot:
    """One model of the pool: its file, and its tagger while it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tagger: Tagger | None = None
        self.file_state: _FileState = (0, 0, 0)
        """The state of the file that was loaded last, or failed to load last."""
        self.bytes = 0
        self.last_use = 0.0
        self.lock = asyncio.Lock()


class ModelPool:
    """The models of a service, by name. The first one is the default.

    A model counts as many bytes as its file has. Above the limit, the least recently used models are unloaded. A
    request keeps the tagger that it began with, even if the model is unloaded or reloaded meanwhile.
    """

    def __init__(
        self,
        files: Mapping[str, Path],
        memory: int,
        precision: str,
        log: ServiceLog,
        count_load: Callable[[str, str], None],
    ) -> None:
        """
        Args:
            files: the model files by name.
            memory: bytes of the models that may be loaded at a time.
            count_load: called with a model's name and ``loaded`` or ``failed`` after each attempt to load it.

        Raises:
            ConfigError: a single model is larger than the memory.
        """
        self._slots = {name: _Slot(path) for name, path in files.items()}
        self._memory, self._precision = memory, precision
        self._log, self._count_load = log, count_load
        for name, slot in self._slots.items():
            if (size := slot.path.stat().st_size) > memory:
                raise ConfigError(f"{name}: found a model of {size} bytes; expected at most {memory}, as --memory says")

    @property
    def names(self) -> list[str]:
        """The names of all models, in the order given."""
        return list(self._slots)

    @property
    def loaded(self) -> dict[str, Tagger]:
        """The taggers of the loaded models, by name."""
        return {name: slot.tagger for name, slot in self._slots.items() if slot.tagger is not None}

    def resolve(self, name: str | None) -> str:
        """Return the name of a model that exists: the one given, or the default for None.

        Raises:
            RequestRefused: there is no model of this name.
        """
        if name is None:
            return self.names[0]
        if name not in self._slots:
            expected = f"expected one of: {', '.join(self.names)}"
            raise RequestRefused(404, "unknown_model", f"found model {name!r}; {expected}")
        return name

    async def get(self, name: str) -> Tagger:
        """Return the tagger of a model, loading it if needed.

        Raises:
            TagsmithError: its file is missing or damaged.
        """
        slot = self._slots[name]
        slot.last_use = time.monotonic()
        if slot.tagger is not None:
            return slot.tagger
        async with slot.lock:
            return slot.tagger or await self._load(name, slot)

    async def reload(self, name: str) -> None:
        """Load a model from its file again. The tagger loaded earlier serves until then.

        Raises:
            TagsmithError: the file can't be loaded; the tagger loaded earlier remains in use.
        """
        slot = self._slots[name]
        async with slot.lock:
            await self._load(name, slot)

    async def reload_changed(self) -> None:
        """Reload the loaded models whose files have changed. Failures are logged."""
        for name, slot in self._slots.items():
            if slot.tagger is not None and _file_state(slot.path) not in (slot.file_state, None):
                await self._try_reload(name)

    async def reload_all(self) -> None:
        """Reload all loaded models. Failures are logged."""
        for name, slot in self._slots.items():
            if slot.tagger is not None:
                await self._try_reload(name)

    async def watch(self) -> None:
        """Reload models whenever their files change, until cancelled."""
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            await self.reload_changed()

    async def _try_reload(self, name: str) -> None:
        with contextlib.suppress(TagsmithError):  # which _load has logged
            await self.reload(name)

    async def _load(self, name: str, slot: _Slot) -> Tagger:
        started = time.perf_counter()
        slot.file_state = _file_state(slot.path) or slot.file_state
        try:
            tagger = await asyncio.to_thread(_load_warm, slot.path, self._precision)
        except TagsmithError as error:
            self._count_load(name, "failed")
            self._log.write("model_failed", model=name, error=str(error))
            raise
        slot.tagger, slot.bytes = tagger, slot.file_state[1]
        self._count_load(name, "loaded")
        ms = round(1000 * (time.perf_counter() - started))
        self._log.write("model_loaded", model=name, ms=ms, precision=tagger.precision)
        self._unload_others(slot)
        return tagger

    def _unload_others(self, kept: _Slot) -> None:
        """Unload the least recently used models until the rest is within the limit."""
        others = sorted((slot.last_use, name) for name, slot in self._slots.items() if slot.tagger and slot is not kept)
        for _, name in others:
            if sum(slot.bytes for slot in self._slots.values() if slot.tagger) <= self._memory:
                return
            self._slots[name].tagger = None
            self._log.write("model_unloaded", model=name)


def model_info(name: str, tagger: Tagger | None) -> ModelInfo:
    """Return what the service says about a model; with None for the tagger, that it is not loaded."""
    if tagger is None:
        return ModelInfo(name=name, loaded=False)
    model = tagger.model
    return ModelInfo(
        name=name,
        loaded=True,
        labels=list(model.labels),
        tags=list(model.tags),
        plain=model.is_plain,
        precision=tagger.precision,
    )


def _load_warm(path: Path, precision: str) -> Tagger:
    """Load a tagger and use everything that a request may ask for, so that no request waits for kernels to compile."""
    tagger = Tagger.load(path, threads=1, precision=precision)
    rules = Rules([Rule(tokens=("Jay",), tag=tagger.model.tags[0], bonus=0.1)])
    tagger.tag(InputWithRules(_WARM_UP, rules), probabilities=True, best=2)
    return tagger


def _file_state(path: Path) -> _FileState | None:
    """Return what changes when the file at a path is replaced; None while there is no file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
