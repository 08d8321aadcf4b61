"""The process of one library: ``python -m benchmarks.peers.child NAME CORPUS HOME``, told what to do line by line.

Each line on standard input is a JSON object with ``do``; each answer is one line on standard output. Whatever else
the library prints goes to standard error. The process has no network: it leaves it before the library is loaded.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from benchmarks.peers.corpus import Asked, Corpus

_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000

QUIET = {
    "ANONYMIZED_TELEMETRY": "False",
    "ALLOW_RESOLVE_TRANSFORM": "True",  # txtai may call the look-up of with_txtai
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


class Peer(Protocol):
    """A library with its store in ``home``. One process builds it, another opens it and asks."""

    def title(self) -> str:
        """Name, version and set-up in words."""
        ...

    def modes(self) -> tuple[str, ...]:
        """Those of :data:`~benchmarks.peers.corpus.MODES` it can do."""
        ...

    def build(self, corpus: Corpus) -> None:
        """Store and index every piece. Durable when this returns."""
        ...

    def open(self) -> None: ...

    def ask(self, mode: str, asked: Asked, vector: Any) -> list[tuple[str, str, str]]:
        """Id, text and path of the best :data:`~benchmarks.peers.corpus.K`, best first."""
        ...

    def close(self) -> None: ...


def peer(name: str, home: Path) -> Peer:
    """Raises ``ImportError`` when its library is not installed."""
    module, _, variant = name.partition("-")
    made: Peer = import_module(f"benchmarks.peers.with_{module}").make(home, variant)
    return made


def resident_bytes(which: str = "VmRSS") -> int:
    """``VmRSS``: now; ``VmHWM``: the most there ever was."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{which}:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"this system tells no {which}")


def leave_network() -> bool:
    """Move to a network namespace of our own, which has no way out. Tells whether that was allowed."""
    unshare = ctypes.CDLL(None, use_errno=True).unshare
    return unshare(_NEW_NETWORK) == 0 or unshare(_NEW_USER | _NEW_NETWORK) == 0


def serve(name: str, corpus: Corpus, home: Path) -> Iterator[dict[str, Any]]:
    """Answers to what standard input asks for, until it ends."""
    os.environ.update(QUIET)
    closed = leave_network()
    try:
        subject = peer(name, home)
    except ImportError as error:
        yield {"missing": str(error)}
        return
    yield {"title": subject.title(), "modes": subject.modes(), "resident": resident_bytes(), "network_closed": closed}
    for line in sys.stdin:
        order = json.loads(line)
        started_s = time.perf_counter()
        if order["do"] == "build":
            subject.build(corpus)
            subject.close()
            yield {"took_s": time.perf_counter() - started_s, "peak": resident_bytes("VmHWM")}
        elif order["do"] == "open":
            first = corpus.questions[0], corpus.question_vectors[0]
            started_s = time.perf_counter()
            subject.open()
            subject.ask(subject.modes()[0], *first)
            yield {"took_s": time.perf_counter() - started_s}
        elif order["do"] == "ask":
            yield _ask(subject, corpus, order["mode"], order["start"], order["stop"])
        elif order["do"] == "resident":
            yield {"resident": resident_bytes()}
        elif order["do"] == "load":  # the corpus, before anything is timed
            yield {"pieces": len(corpus.pieces), "vectors": len(corpus.vectors)}
        elif order["do"] == "close":
            subject.close()
            yield {}


def _ask(subject: Peer, corpus: Corpus, mode: str, start: int, stop: int) -> dict[str, Any]:
    times_s, ids = [], []
    for place in range(start, stop):
        asked, vector = corpus.questions[place], corpus.question_vectors[place]
        started_s = time.perf_counter()
        found = subject.ask(mode, asked, vector)
        times_s.append(time.perf_counter() - started_s)
        ids.append([one for one, _, _ in found])
    return {"times_s": times_s, "ids": ids}


def main() -> None:
    name, corpus, home = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for answer in serve(name, Corpus(Path(corpus)), Path(home)):
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
