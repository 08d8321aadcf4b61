"""What a reader process may use, and how it binds itself to it. Linux only, as the whole program."""

from __future__ import annotations

import mmap
import os
import resource
import signal
import time
from contextlib import suppress
from dataclasses import dataclass

from assistant.lifeline import hold

SMALL_BYTES = 1 << 20
MORE_S_A_MIB = 2
OUT_OF_MEMORY = 77
"""Exit code of a reader process that could not even say so."""
NICE = 5
_STDERR_BYTES = 64 * 1024
_OPEN_FILES = 256
_CPU_SPARE_S = 2


@dataclass(frozen=True, slots=True)
class ReadingLimits:
    """``timeout_s``: wall time of one source of up to ``SMALL_BYTES``, above 0; a larger one has ``MORE_S_A_MIB`` more
    for each MiB (ordinary text takes 0.1 to 1). ``memory_bytes``: what a reader process may allocate, its own start
    (some 15 MiB) included; files it maps to look into are not counted. ``answer_bytes``: the longest answer."""

    timeout_s: float = 20.0
    memory_bytes: int = 1 << 30
    answer_bytes: int = 160 << 20

    def seconds_for(self, size_bytes: int) -> float:
        """How long a source of this size may take."""
        return self.timeout_s + MORE_S_A_MIB * (max(0, size_bytes - SMALL_BYTES) >> 20)


class MemoryNotLimited(OSError):
    """This system does not hold a process to its memory limit."""


def confine(limits: ReadingLimits, lifeline: int) -> None:
    """Bind this process, for good. ``lifeline``: the end of a pipe whose other end only our parent holds.

    * Memory: ``RLIMIT_DATA``, which counts all private writable memory; a trial allocation shows that it holds, else
      ``RLIMIT_AS``, which counts mapped files too. Raises :class:`MemoryNotLimited` when neither does.
    * No core dump, also where a program collects them: the kernel ignores a limit of 0 there, and honours 1
      (``fs/coredump.c``).
    * Files written stay below 64 KiB, a few are open at once, and when memory gets short it is this process that goes.
    * On a busy machine others go first: whoever waits for an answer, and the thread that commits what was read.
    * When the parent ends, however, this process group does too (:func:`assistant.lifeline.hold`).
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is our parent's to hear
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.nice(NICE)
    resource.setrlimit(resource.RLIMIT_CORE, (1, 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_STDERR_BYTES, _STDERR_BYTES))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES, _OPEN_FILES))
    with suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("1000")
    _limit_memory(limits.memory_bytes)
    hold(lifeline)


def _limit_memory(most_bytes: int) -> None:
    for what in (resource.RLIMIT_DATA, resource.RLIMIT_AS):
        resource.setrlimit(what, (most_bytes, most_bytes))
        try:
            mmap.mmap(-1, most_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
        except OSError:
            return
    raise MemoryNotLimited(f"a limit of {most_bytes} bytes of memory does not hold on this system")


def allow_cpu(seconds: float) -> None:
    """From now on so much processor time, and no more: the kernel ends the process (SIGXCPU) if nobody else does."""
    soft_s = int(time.process_time() + seconds) + _CPU_SPARE_S
    resource.setrlimit(resource.RLIMIT_CPU, (soft_s, resource.RLIM_INFINITY))
