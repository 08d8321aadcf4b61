"""``python -m assistant`` and the console script."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from types import FrameType


def main() -> None:
    """Run the command line. Until a command has begun its work, Ctrl-C simply ends the process: raised in the middle
    of an import, it would come out as some other error."""
    signal.signal(signal.SIGINT, _leave)
    # Read when numpy is imported. Its products here are small; its threads only wait for each other.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    code = _quick()
    if code is None:
        from assistant.cli.main import run

        code = run()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is done and said
    raise SystemExit(code)


def _quick() -> int | None:
    """What can be had without loading the whole command line; ``None``: this cannot."""
    if sys.argv[1:2] != ["recall"]:
        return None
    from assistant.cli.quick import recall

    return recall(sys.argv[2:])


def _leave(_number: int, _frame: FrameType | None) -> None:
    with suppress(OSError):
        os.write(2, b"\nStopped.\n")
    os._exit(130)


if __name__ == "__main__":
    main()
