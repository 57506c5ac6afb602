"""Logs: one JSON object a line on stderr. No text that a user sent is ever in them, nor a key."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from datetime import UTC, datetime
from typing import Any, TextIO

import msgspec


class ServiceLog:
    """Writes events."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr

    def write(self, event: str, /, **facts: Any) -> None:
        """One line: the time, the event, and its facts that are not None."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        known = {name: fact for name, fact in facts.items() if fact is not None}
        try:
            self._stream.write(msgspec.json.encode({"time": now, "event": event, **known}).decode() + "\n")
            self._stream.flush()
        except BrokenPipeError:  # whoever read the log is gone; the service goes on
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())  # or what waits to be written would fail once more at the end
            os.close(nowhere)
        except OSError:  # such as a full disk
            pass

    def failure(self, event: str, error: BaseException, /, **facts: Any) -> None:
        """An error not raised on purpose: its kind and where it came from. Not its message, which may quote."""
        frames = traceback.extract_tb(error.__traceback__)
        places = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
        self.write(event, error=type(error).__name__, places=places, **facts)


class ForwardedLogs(logging.Handler):
    """Passes on what libraries log: warnings and errors, without their arguments and messages of exceptions."""

    def __init__(self, log: ServiceLog) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        error = record.exc_info[1] if record.exc_info else None
        if error is None:
            self._log.write("library", logger=record.name, message=str(record.msg))
        else:
            self._log.failure("library", error, logger=record.name)
