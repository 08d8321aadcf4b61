"""Measures recall on a golden set of the user's, in a process of its own, and tells when it has become worse."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.bus.actor import Actor, ActorLimits
from assistant.contracts.errors import BadFile
from assistant.contracts.events import MemoryEvaluated
from assistant.contracts.reports import Housekeeping

if TYPE_CHECKING:
    from assistant.bus.bus import Bus
    from assistant.bus.envelope import Letter

WORSE_BY = 0.02
"""A figure that has fallen by more than this is told of."""
FIGURES = ("recall_at_20", "ndcg_at_10", "citation_precision", "abstention_accuracy")
LIMIT_S = 2 * 3600
MOST_BYTES = 16 << 20


class Evaluator(Actor):
    """``golden``: the file; "": none. ``before``: figures of the last time."""

    def __init__(self, bus: Bus, golden: str, before: Callable[[], Awaitable[Mapping[str, float]]]) -> None:
        super().__init__("evaluator", ActorLimits(waiting=4, time_limit_s=LIMIT_S))
        self._bus = bus
        self._golden = golden
        self._before = before

    async def on_message(self, _letter: Letter) -> Housekeeping:
        """Evaluate; what is worse than the time before is an alarm."""
        if not self._golden:
            return Housekeeping(skipped="No golden set is named in the settings (golden).")
        file = Path(self._golden).expanduser()
        if not file.is_file():
            raise BadFile(f"The golden set {file} is not there.", remedy="Correct the setting golden.")
        before = await self._before()
        figures = figures_of(await self._evaluated(file))
        worse = [
            f"{name} {value:.3f} to {figures[name]:.3f}"
            for name, value in before.items()
            if name in figures and figures[name] < value - WORSE_BY
        ]
        summary = ", ".join(f"{name} {value:.3f}" for name, value in figures.items())
        self._bus.publish(MemoryEvaluated(summary, ", ".join(worse)))
        done = f"Worse than the time before: {', '.join(worse)}." if worse else f"Measured: {summary}."
        return Housekeeping(done=(done,), alarm=bool(worse), figures=figures)

    async def _evaluated(self, file: Path) -> Mapping[str, Any]:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "assistant", "eval", str(file), "--json"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=MOST_BYTES,
            start_new_session=True,
        )
        try:
            told, complaint = await child.communicate()
        except asyncio.CancelledError:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, 9)
            await child.wait()
            raise
        if child.returncode:
            lines = complaint.decode(errors="replace").strip().splitlines()
            raise BadFile(f"The golden set could not be evaluated: {lines[-1] if lines else child.returncode}.")
        found: Mapping[str, Any] = json.loads(told)
        return found


def figures_of(report: Mapping[str, Any]) -> dict[str, float]:
    """The totals of ``assistant eval --json`` that are compared."""
    sets = report.get("golden") or report.get("external") or ()
    total = sets[0].get("total", sets[0]) if sets else {}
    found = {}
    for name in FIGURES:
        value = total.get(name)
        value = value.get("value") if isinstance(value, Mapping) else value
        if isinstance(value, int | float):
            found[name] = round(float(value), 4)
    return found
