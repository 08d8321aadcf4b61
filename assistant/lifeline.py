"""A child process that does not outlive its parent, however that ends. Linux only, as the whole program."""

from __future__ import annotations

import fcntl
import os
import signal

_F_SETSIG = 10


def hold(pipe: int) -> None:
    """Bind this process group to ``pipe``, the reading end of a pipe that only our parent can write to, and never does.

    When the other end closes, the kernel kills the group, even in the middle of code in C that never returns: a signal
    is ordered for that (``fcntl(2)``, ``F_SETOWN`` and ``F_SETSIG``). When it is closed already, this process ends
    here. The death signal of ``prctl`` would come already when the thread ends that started us.
    """
    fcntl.fcntl(pipe, fcntl.F_SETOWN, -os.getpgrp())
    fcntl.fcntl(pipe, _F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC | os.O_NONBLOCK)
    if not _is_held(pipe):  # the parent ended before the signal was ordered
        os._exit(0)


def _is_held(pipe: int) -> bool:
    try:
        return os.read(pipe, 1) != b""
    except BlockingIOError:
        return True
