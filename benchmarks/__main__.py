"""``python -m benchmarks [--json FILE] [--scale S] [name...]``"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from assistant.locations import locate
from benchmarks import machine, targets
from benchmarks.measuring import Figures
from benchmarks.workbench import PEER_SIZES, Workbench

NAMES = ("embedding", "startup", "lexical", "watching", "query", "memory", "living", "peers")
ON_DEMAND = ("million", "million-store", "precision")
"""Only run when named: they take long, or need data."""
HOMES = {"peers": ("benchmarks.peers.driver", "run"), "million-store": ("benchmarks.million", "run_store")}


def benchmark(name: str) -> Callable[[Workbench], Figures]:
    """The benchmark of that name, one of :data:`NAMES` or :data:`ON_DEMAND`."""
    module, function = HOMES.get(name, (f"benchmarks.{name}", "run"))
    run: Callable[[Workbench], Figures] = getattr(import_module(module), function)
    return run


def main() -> None:
    asked = _arguments()
    print(machine.told(), flush=True)
    kept: dict[str, object] = {"machine": machine.facts(), "scale": asked.scale}
    everything: dict[str, Figures] = {}
    with _workplace(asked) as folder:
        bench = Workbench(
            folder, locate().models, asked.scale, peer_sizes=tuple(asked.peer_sizes), sets=tuple(asked.sets)
        )
        bench.encoder.encode(["Prepared before anything is timed."])
        for name in asked.names or NAMES:
            started_s = time.monotonic()
            figures = everything[name] = benchmark(name)(bench)
            took_s = time.monotonic() - started_s
            load = machine.facts()["load_average"]
            print(f"\n{figures}\n  took {took_s:.0f} s, load average {load}", flush=True)
            found = {key: asdict(figure) for key, figure in figures.found.items()}
            kept[name] = {"figures": found, "notes": figures.notes, "took_s": took_s, "load_average": load}
    judged = targets.judge(everything)
    kept["targets"] = targets.kept(judged)
    print(f"\n{targets.told(judged)}")
    if asked.scale != 1:
        print(f"These sizes are {asked.scale:g} of the full ones: the verdicts say nothing about the targets.")
    if asked.json:
        asked.json.parent.mkdir(parents=True, exist_ok=True)
        asked.json.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        print(f"\nThe figures are in {asked.json}.")


@contextmanager
def _workplace(asked: argparse.Namespace) -> Iterator[Path]:
    if asked.keep:
        asked.keep.mkdir(parents=True, exist_ok=True)
        yield asked.keep.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="assistant-benchmarks-", dir=asked.folder) as folder:
        yield Path(folder)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure this program on this machine.")
    names = f"one of {', '.join(NAMES)}; only when named: {', '.join(ON_DEMAND)}; none: all but those"
    parser.add_argument("names", nargs="*", metavar="name", help=names)
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the figures in a file too")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full sizes, to try things out")
    parser.add_argument("--folder", type=Path, help="where to put what is thrown away afterwards (default: temporary)")
    keep = "a folder to work in that stays; large memories that are there already are not made anew"
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help=keep)
    sizes = "pieces in the comparison with other libraries"
    parser.add_argument("--peer-sizes", type=int, nargs="+", default=PEER_SIZES, metavar="N", help=sizes)
    sets = "folder of a retrieval set for `precision` (see `assistant eval --help`); may be repeated"
    parser.add_argument("--set", action="append", default=[], dest="sets", metavar="DIR", help=sets)
    asked = parser.parse_args()
    unknown = sorted(set(asked.names) - {*NAMES, *ON_DEMAND})
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}")
    return asked


if __name__ == "__main__":
    main()
