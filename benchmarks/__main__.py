"""``python -m benchmarks [--json FILE] [--scale S] [name...]``"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from assistant.locations import locate
from benchmarks import machine
from benchmarks.measuring import Figures
from benchmarks.workbench import Workbench

NAMES = ("embedding", "startup", "lexical", "query", "memory")


def benchmark(name: str) -> Callable[[Workbench], Figures]:
    """The benchmark of that name, one of :data:`NAMES`."""
    run: Callable[[Workbench], Figures] = import_module(f"benchmarks.{name}").run
    return run


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure this program on this machine.")
    parser.add_argument("names", nargs="*", metavar="name", help=f"one of {', '.join(NAMES)}; none: all")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the figures in a file too")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full sizes, to try things out")
    asked = parser.parse_args()
    unknown = sorted(set(asked.names) - set(NAMES))
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}")
    print(machine.told(), flush=True)
    kept: dict[str, object] = {"machine": machine.facts(), "scale": asked.scale}
    with tempfile.TemporaryDirectory(prefix="assistant-benchmarks-") as folder:
        bench = Workbench(Path(folder), locate().models, asked.scale)
        bench.encoder.encode(["Prepared before anything is timed."])
        for name in asked.names or NAMES:
            started_s = time.monotonic()
            figures = benchmark(name)(bench)
            took_s = time.monotonic() - started_s
            load = machine.facts()["load_average"]
            print(f"\n{figures}\n  took {took_s:.0f} s, load average {load}", flush=True)
            found = {name: asdict(figure) for name, figure in figures.found.items()}
            kept[name] = {"figures": found, "took_s": took_s, "load_average": load}
    if asked.json:
        asked.json.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
