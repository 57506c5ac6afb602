"""The models of a service: loaded when first asked for, let go when memory is short, loaded anew when files change."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tagsmith.errors import ConfigError, TagsmithError
from tagsmith.rules import InputWithRules, Rule, Rules
from tagsmith.serve.limits import RequestRefused
from tagsmith.serve.logs import ServiceLog
from tagsmith.tagger import Tagger

_WARM_UP = "Jay is from India, and the Red Cross met in New South Wales."
_LOOK = 1.0  # seconds between two looks at the files


class _Slot:
    """One model's place."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tagger: Tagger | None = None
        self.stamp: tuple[int, int, int] = (0, 0, 0)
        """Of the file that was last loaded, or last found to be bad."""
        self.bytes = 0
        self.used = 0.0
        self.lock = asyncio.Lock()


class ModelPool:
    """The models by name; the first one is for requests that name none.

    A model counts as many bytes as its file has. Above the limit those go that were not asked for the longest; requests
    under way keep the tagger they began with, also when a changed file is loaded.
    """

    def __init__(
        self,
        files: Mapping[str, Path],
        memory: int,
        precision: str,
        log: ServiceLog,
        count: Callable[[str, str], None],
    ) -> None:
        self._slots = {name: _Slot(path) for name, path in files.items()}
        self._memory, self._precision = memory, precision
        self._log, self._count = log, count
        for name, slot in self._slots.items():
            if (size := slot.path.stat().st_size) > memory:
                raise ConfigError(f"{name}: found a model of {size} bytes; expected at most {memory}, as --memory says")

    @property
    def names(self) -> list[str]:
        """In the order they were given."""
        return list(self._slots)

    @property
    def loaded(self) -> dict[str, Tagger]:
        """Those in memory, by name."""
        return {name: slot.tagger for name, slot in self._slots.items() if slot.tagger is not None}

    def named(self, name: str | None) -> str:
        """The name of the model that is meant.

        Raises:
            Refused: there is none of this name.
        """
        if name is None:
            return self.names[0]
        if name not in self._slots:
            raise RequestRefused(
                404, "unknown_model", f"found model {name!r}; expected one of: {', '.join(self.names)}"
            )
        return name

    async def get(self, name: str) -> Tagger:
        """The tagger of a model, loaded if it is not yet.

        Raises:
            TagsmithError: its file is not there any more, or damaged.
        """
        slot = self._slots[name]
        slot.used = time.monotonic()
        if slot.tagger is not None:
            return slot.tagger
        async with slot.lock:
            return slot.tagger or await self._load(name, slot)

    async def reload(self, name: str) -> None:
        """Load a model's file anew, beside the old one, which serves until then.

        Raises:
            TagsmithError: the file can't be loaded; the old one goes on serving.
        """
        slot = self._slots[name]
        async with slot.lock:
            await self._load(name, slot)

    async def reload_changed(self, anyway: bool = False) -> None:
        """Load those anew that are in memory and whose files have changed, or all in memory; failures are logged."""
        for name, slot in self._slots.items():
            if slot.tagger is not None and (anyway or _stamp(slot.path) not in (slot.stamp, None)):
                try:
                    await self.reload(name)
                except TagsmithError:
                    continue  # logged

    async def watch(self) -> None:
        """Look at the files now and then, for ever."""
        while True:
            await asyncio.sleep(_LOOK)
            await self.reload_changed()

    async def _load(self, name: str, slot: _Slot) -> Tagger:
        started = time.perf_counter()
        slot.stamp = _stamp(slot.path) or slot.stamp
        try:
            tagger = await asyncio.to_thread(_loaded, slot.path, self._precision)
        except TagsmithError as error:
            self._count(name, "failed")
            self._log.write("model_failed", model=name, error=str(error))
            raise
        slot.tagger, slot.bytes = tagger, slot.stamp[1]
        self._count(name, "loaded")
        ms = round(1000 * (time.perf_counter() - started))
        self._log.write("model_loaded", model=name, ms=ms, precision=tagger.precision)
        self._make_room(slot)
        return tagger

    def _make_room(self, kept: _Slot) -> None:
        """Let go of models until those in memory are within the limit."""
        inside = sorted((slot.used, name) for name, slot in self._slots.items() if slot.tagger and slot is not kept)
        for _, name in inside:
            if sum(slot.bytes for slot in self._slots.values() if slot.tagger) <= self._memory:
                return
            self._slots[name].tagger = None
            self._log.write("model_let_go", model=name)


def _loaded(path: Path, precision: str) -> Tagger:
    tagger = Tagger.load(path, threads=1, precision=precision)
    # All that a request may ask for, so that none waits for kernels that are loaded, or compiled for the first time.
    rules = Rules([Rule(tokens=("Jay",), tag=tagger.model.tags[0], bonus=0.1)])
    tagger.tag(InputWithRules(_WARM_UP, rules), probabilities=True, best=2)
    return tagger


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """What tells one file from another at the same path; None while there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
