"""The log: one JSON object a line on stderr. It never contains text that a user sent, nor an API key."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from datetime import UTC, datetime
from typing import Any, TextIO

import msgspec


class ServiceLog:
    """Writes events as JSON lines."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr

    def write(self, event: str, /, **facts: Any) -> None:
        """Write a line with the time, the event, and those of its facts that are not None."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        known = {name: fact for name, fact in facts.items() if fact is not None}
        try:
            self._stream.write(msgspec.json.encode({"time": now, "event": event, **known}).decode() + "\n")
            self._stream.flush()
        except BrokenPipeError:  # nobody reads the log any more, which must not end the service
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._stream.fileno())  # or what is still buffered would fail once more at exit
            os.close(null)
        except OSError:  # such as a full disk
            pass

    def failure(self, event: str, error: BaseException, /, **facts: Any) -> None:
        """Write an unexpected error: its type and its stack, but not its message, which may quote a text."""
        frames = traceback.extract_tb(error.__traceback__)
        places = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
        self.write(event, error=type(error).__name__, places=places, **facts)


class ForwardedLogs(logging.Handler):
    """Forwards the warnings and errors of libraries, without their arguments and the messages of exceptions."""

    def __init__(self, log: ServiceLog) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record of ``logging``."""
        error = record.exc_info[1] if record.exc_info else None
        if error is None:
            self._log.write("library", logger=record.name, message=str(record.msg))
        else:
            self._log.failure("library", error, logger=record.name)
