"""A child of the memory that is never done; started with ``python -m``. With an argument it closes its output first."""

from __future__ import annotations

import os
import signal
import sys

from assistant.memory import children

if __name__ == "__main__":
    children.bind()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    if sys.argv[1:]:
        os.close(1)
    while True:
        signal.pause()
