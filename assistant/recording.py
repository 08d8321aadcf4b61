"""Where a mistake in the program is kept, for whoever mends it."""

from __future__ import annotations

import os
import traceback

from assistant.contracts.errors import UserError
from assistant.locations import locate


def record_mistake(error: BaseException) -> str:
    """Write the traceback to a file (mode 0600) in the state folder; returns where it is, in a sentence, or the
    traceback itself when it cannot be written."""
    text = "".join(traceback.format_exception(error))
    try:
        path = locate().state / "last-error.txt"
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with open(descriptor, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
    except (OSError, UserError):
        return text
    return f"What happened is in {path}."
