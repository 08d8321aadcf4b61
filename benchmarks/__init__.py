"""What this program costs on the machine at hand: ``python -m benchmarks``, from the repository root.

Every figure comes with one taken in the same run that it can be compared with, the two sides taking turns: on a
machine that does other work too, ratios say more than times. Not part of the installed package.
"""

from __future__ import annotations

import os

# As the program itself has it (assistant.__main__), before numpy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
