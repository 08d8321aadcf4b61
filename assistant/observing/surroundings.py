"""What the computer is doing: battery, other programs, and what this process takes of it."""

from __future__ import annotations

import ctypes
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from assistant.core.pacing import Surroundings

if TYPE_CHECKING:
    from assistant.contracts.ports import Clock

LOOK_EVERY_S = 2.0


class Observed:
    """Looked at again after :data:`LOOK_EVERY_S`, when somebody asks. Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        import psutil

        self._psutil = psutil
        self._process = psutil.Process()
        self._clock = clock
        self._lock = threading.Lock()
        self._looked_s = clock.monotonic_s()
        self._busy_s, self._all_s = self._processor()
        self._own_s = self._own()
        self._found = Surroundings(self._on_battery(), 0.0)

    def now(self) -> Surroundings:
        """As it was seen at most some seconds ago."""
        with self._lock:
            if self._clock.monotonic_s() - self._looked_s >= LOOK_EVERY_S:
                busy_s, all_s = self._processor()
                own_s = self._own()
                passed_s = max(1e-6, all_s - self._all_s)
                others = (busy_s - self._busy_s - (own_s - self._own_s)) / passed_s
                self._busy_s, self._all_s, self._own_s = busy_s, all_s, own_s
                self._looked_s = self._clock.monotonic_s()
                self._found = Surroundings(self._on_battery(), min(1.0, max(0.0, others)))
            return self._found

    def taken(self) -> tuple[float, int, int]:
        """Processor time in seconds, resident bytes and open files of this process."""
        return self._own(), int(self._process.memory_info().rss), int(self._process.num_fds())

    def _processor(self) -> tuple[float, float]:
        """Busy and all time of all processors, in seconds."""
        times = self._psutil.cpu_times()
        idle = times.idle + getattr(times, "iowait", 0.0)
        counted = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
        return counted - idle, counted

    def _own(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system + times.children_user + times.children_system)

    def _on_battery(self) -> bool | None:
        battery = self._psutil.sensors_battery()
        return None if battery is None else not battery.power_plugged


def give_memory_back() -> None:
    """Return to the system what was freed and kept for later (glibc only: elsewhere nothing happens). Takes
    milliseconds."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
