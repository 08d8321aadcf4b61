"""The log of the running process: one JSON object a line, in a file that is rotated, with secrets taken out."""

from __future__ import annotations

import json
import logging
from collections.abc import MutableMapping
from contextlib import nullcontext
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.memory.durable import replace_synced
from assistant.observing.secrets import cleaned

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from assistant.bus.envelope import Envelope

MOST_BYTES = 2 << 20
KEPT = 3
FILE = "assistant.log"


class Log:
    """Open with :func:`open_log`; close when done. Thread-safe."""

    def __init__(self, handler: RotatingFileHandler, logger: FilteringBoundLogger) -> None:
        self._handler = handler
        self._logger = logger

    def message(self, envelope: Envelope, topic: str, about: str) -> None:
        """Note that something happened."""
        name = type(envelope.message).__name__
        write = self._logger.warning if topic == "error" else self._logger.info
        write(name, topic=topic, about=about, turn=envelope.turn_id, number=envelope.number, cause=envelope.cause)

    def note(self, what: str, **values: Any) -> None:
        """Note something else."""
        self._logger.info(what, **values)

    def forget(self, text: str) -> None:
        """Take every line that mentions ``text`` out of the log and of the older ones. Raises ``OSError``."""
        wanted = (text, json.dumps(text, ensure_ascii=False)[1:-1])
        with self._handler.lock or nullcontext():
            self._handler.close()
            path = Path(self._handler.baseFilename)
            for file in sorted(path.parent.glob(f"{path.name}*")):
                lines = file.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
                kept = "".join(line for line in lines if not any(one in line for one in wanted))
                replace_synced(file, kept.encode())
            self._handler.stream = None  # opened again with the next line

    def close(self) -> None:
        """Write what is not written yet."""
        self._handler.close()


def open_log(folder: Path) -> Log:
    """A log in :data:`FILE` in ``folder``, and ``KEPT`` older ones beside it, each up to :data:`MOST_BYTES`; readable
    for their owner only. Raises ``OSError``."""
    import structlog

    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / FILE
    path.touch(mode=0o600, exist_ok=True)
    handler = RotatingFileHandler(
        path, maxBytes=MOST_BYTES, backupCount=KEPT, encoding="utf-8", errors="replace", delay=True
    )
    handler.setFormatter(logging.Formatter("%(message)s"))
    inner = logging.Logger("assistant.process", logging.INFO)  # none of the root's: nobody else writes here
    inner.addHandler(handler)
    logger: FilteringBoundLogger = structlog.wrap_logger(
        inner,
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _without_secrets,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
    return Log(handler, logger)


def _without_secrets(_logger: object, _method: str, entry: MutableMapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = cleaned(entry)
    return found
