"""Draws where the time goes: ``python -m benchmarks.flamegraphs [--scale S] [--into FOLDER] [name...]``.

Each heavy scenario runs in a process of its own under py-spy (of ``.venv-bench``), which looks at its Python stacks so
many times a second. The pictures go to ``docs/flamegraphs/``; a list of the costliest functions is printed. Linux lets
a process look at its own children; where it does not (``ptrace_scope``), py-spy says so and nothing is drawn.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

from assistant.locations import locate
from benchmarks.growing import grow
from benchmarks.texts import write_files
from benchmarks.workbench import REPOSITORY, Workbench

PY_SPY = REPOSITORY / ".venv-bench" / "bin" / "py-spy"
INTO = REPOSITORY / "docs" / "flamegraphs"
MAX_SVG_BYTES = 290_000
BOX_HEIGHT = 16
LIMIT_S = 900
COSTLIEST = 30


_BOX = re.compile(r"<g><title>(?P<name>[^<]*?) \((?P<looks>[\d,]+) samples, [\d.]+%\)</title>.*?</g>", re.DOTALL)
_TITLE = re.compile(r'(<text id="title"[^>]*>)[^<]*</text>')
_LABEL = re.compile(r"(<text[^>]*>)[^<]+</text>")
_FRAME = re.compile(r"all|\S+ \([^()]+:\d+\)")
"""How a function is named; anything else is a command line."""


@dataclass(frozen=True, slots=True)
class Scene:
    """``home`` and ``folder`` are names below the workbench's folder. ``rate``: looks a second."""

    name: str
    title: str
    home: str
    folder: str
    rate: int


SCENES = (
    Scene("scan", "words of 10,000 files: read, cut, store, index", "scan", "files", 100),
    Scene("embed", "1,500 pieces: embed, store, index vectors", "embed", "files", 100),
    Scene("recall", "400 questions among 100,000 pieces, with reranking", "large", "files", 100),
    Scene("cold", "assistant recall in a new process, 100,000 pieces", "large", "files", 500),
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.flamegraphs", description="Draw where the time goes.")
    names = [scene.name for scene in SCENES]
    parser.add_argument("names", nargs="*", metavar="name", help=f"one of {', '.join(names)}; none: all")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full sizes, to try things out")
    parser.add_argument("--into", type=Path, default=INTO, help="where the pictures go")
    asked = parser.parse_args()
    if not PY_SPY.exists():
        parser.error("py-spy is not installed: make bench-peers installs it")
    asked.into.mkdir(parents=True, exist_ok=True)
    wanted = [scene for scene in SCENES if not asked.names or scene.name in asked.names]
    with tempfile.TemporaryDirectory(prefix="assistant-flamegraphs-") as folder:
        bench = Workbench(Path(folder), locate().models, asked.scale)
        prepare(bench, {scene.name for scene in wanted})
        for scene in wanted:
            draw(bench, scene, asked.into / f"{scene.name}.svg")


def prepare(bench: Workbench, names: set[str]) -> None:
    """What the scenes start from."""
    if "scan" in names:
        write_files(bench.folder / "files", bench.count(10_000, 20), 6, seed=4)
    if "embed" in names:
        with bench.assistant("embed") as assistant:
            assistant.add([str(bench.passages)], embed=False)
    if names & {"recall", "cold"}:
        grow(bench, "large", bench.count(100_000, 300))


def draw(bench: Workbench, scene: Scene, picture: Path) -> None:
    """Record one scene. Raises ``CalledProcessError`` when it fails."""
    command = [sys.executable, "-m", "benchmarks.scenario", scene.name, str(bench.folder / scene.folder)]
    options = ["--function", "--subprocesses", "--rate", str(scene.rate), "--output", str(picture)]
    done = subprocess.run(
        [str(PY_SPY), "record", *options, "--", *command],
        env=bench.environment(scene.home),
        cwd=REPOSITORY,
        check=False,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    if done.returncode:
        sys.exit(f"{scene.name} could not be recorded:\n{done.stderr}")
    picture.write_text(tidied(picture.read_text(encoding="utf-8"), scene.title), encoding="utf-8")
    size_bytes = picture.stat().st_size
    print(f"\n{scene.title}: {picture}, {size_bytes / 1000:.0f} kB\n{costliest(picture)}", flush=True)


def tidied(svg: str, title: str) -> str:
    """The picture under that title, without command lines (they name folders of this machine), and without boxes too
    narrow to be read, from the narrowest on, until it is small enough to keep."""
    svg = _TITLE.sub(lambda found: f"{found[1]}{title}</text>", svg)
    svg = _BOX.sub(lambda box: box[0] if _FRAME.fullmatch(box["name"]) else _unnamed(box), svg)
    least = 0
    while len(svg.encode()) > MAX_SVG_BYTES:
        least += 1
        svg = _BOX.sub(partial(_wider, least), svg)
    return svg


def _wider(least: int, box: re.Match[str]) -> str:
    return box[0] if int(box["looks"].replace(",", "")) > least else ""


def _unnamed(box: re.Match[str]) -> str:
    return _LABEL.sub(r"\1process</text>", box[0].replace(box["name"], "process"))


def costliest(picture: Path) -> str:
    """The functions in which most time is spent, that of what they call left out, then with it."""
    frames = _frames(picture)
    total = max(frame.width for frame in frames)
    by_depth: dict[int, list[_Frame]] = {}
    by_name: dict[str, list[_Frame]] = {}
    for frame in frames:
        by_depth.setdefault(frame.depth, []).append(frame)
        by_name.setdefault(frame.name, []).append(frame)
    own, whole = Counter[str](), Counter[str]()
    for frame in frames:
        own[frame.name] += frame.width - sum(
            one.width for one in by_depth.get(frame.depth + 1, ()) if one.within(frame)
        )
        if not any(frame.within(other) and other.depth < frame.depth for other in by_name[frame.name]):
            whole[frame.name] += frame.width
    lines = ["   own  function"]
    lines += [f"{share / total:6.1%}  {name}" for name, share in own.most_common(COSTLIEST)]
    lines += ["   all  function, with what it calls"]
    lines += [f"{share / total:6.1%}  {name}" for name, share in whole.most_common(COSTLIEST)]
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class _Frame:
    """A box of the picture. ``start`` and ``width`` in looks of the profiler, ``depth`` in calls."""

    name: str
    start: int
    width: int
    depth: int

    def within(self, other: _Frame) -> bool:
        return other.start <= self.start < other.start + other.width


def _frames(picture: Path) -> list[_Frame]:
    space, own = "{http://www.w3.org/2000/svg}", "{http://github.com/jonhoo/inferno}"
    found = []
    for group in ElementTree.parse(picture).iter(f"{space}g"):
        title, box = group.find(f"{space}title"), group.find(f"{space}rect")
        if title is None or box is None or title.text is None:
            continue
        name, depth = title.text.rpartition(" (")[0], round(float(box.get("y", "0")) / BOX_HEIGHT)
        found.append(_Frame(name, int(box.get(f"{own}x", "0")), int(box.get(f"{own}w", "0")), depth))
    return found


if __name__ == "__main__":
    main()
