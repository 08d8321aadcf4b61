"""``python -m hardness.soak ROUNDS SEED [MODELS]``, in ``tests``: the kill loop without pytest, for a long run in
several processes with seeds of their own. ``MODELS``: a folder with the compiled model."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from hardness.command_rounds import Commands
from hardness.kill_loop import Loop


def main(rounds: int, seed: int, models: Path | None) -> int:
    """Run, print the figures, and say whether all was well; what was harmed is kept for a look when not."""
    top = Path(tempfile.mkdtemp(prefix="assistant-soak-"))
    figures = Loop(top, seed).run(rounds, Commands(top, models))
    sys.stdout.write(f"seed {seed}\n{figures}\n")
    if figures.lost or figures.divergent:
        sys.stdout.write(f"kept in {top}\n")
        return 1
    shutil.rmtree(top)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]) if len(sys.argv) > 3 else None))
