"""A child of the memory that is never done; started with ``python -m``."""

from __future__ import annotations

import signal
import sys

from assistant.memory import children

if __name__ == "__main__":
    children.bind()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        signal.pause()
