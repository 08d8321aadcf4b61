"""One reader process as its parent sees it: started by exec, fed and listened to without blocking, and ended.

Nothing a reader does reaches us but frames. Whatever goes wrong is said in a phrase for the problem list: it hung, it
ran out of memory, a signal ended it, it answered rubbish.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import deque
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from assistant.reading.answers import parse
from assistant.reading.confining import OUT_OF_MEMORY, ReadingLimits
from assistant.reading.framing import BrokenFrame, FrameBuffer
from assistant.reading.jobs import Job
from assistant.reading.watching import Watch

DEFAULT_READER = "assistant.reading.reader:FileReader"
MOST_WAITING = 32
MOST_WAITING_BYTES = 1 << 20
"""Requests given to one process at a time, so that another can take what is behind a slow one."""
_PIPE_BYTES = 1 << 20
_READ_BYTES = 1 << 20
START_LIMIT_S = 30.0
_END_S = 2.0
_LOOK_AGAIN_S = 0.002
_STDERR_TAIL_BYTES = 4096
_SHORT_OF_MEMORY = re.compile(rb"alloc|memory", re.IGNORECASE)
_START = "import sys, json; a = json.loads(sys.argv[1]); sys.path[:] = a['path']; "
_START += "from assistant.reading.worker import main; main(sys.argv[1])"
_KEPT = ("LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "TZ")
"""All of the environment that a reader is given."""


@dataclass(frozen=True, slots=True)
class ReaderSetup:
    """What every reader process is started with. ``reader``: ``module:callable`` of what makes its
    :class:`~assistant.contracts.ports.Reader`."""

    limits: ReadingLimits = field(default_factory=ReadingLimits)
    max_file_bytes: int = 32 << 20
    reader: str = DEFAULT_READER


@dataclass(frozen=True, slots=True)
class Ended:
    """How a reader process ended. ``reason``: a phrase about the source it was at. ``again``: the source may be
    innocent (somebody else killed the process, or an earlier source had filled its memory or meddled with it)."""

    reason: str
    again: bool


class ReaderProcess:
    """Not thread-safe. ``ready`` once it has said so; ``waiting`` are the jobs it was given, the one it is at first."""

    def __init__(self, setup: ReaderSetup, now_s: float) -> None:
        """Start one. Raises ``OSError`` when the system does not let us."""
        self.ready = False
        self.waiting: deque[Job] = deque()
        self.last_words = ""
        """The last line of its standard error, once it has ended by itself."""
        self._limits = setup.limits
        self._given = 0
        self._finished = 0
        self._buffer = FrameBuffer(setup.limits.answer_bytes)
        self._outgoing: deque[memoryview] = deque()
        self._watch = Watch(now_s, START_LIMIT_S)
        line, self._lifeline = os.pipe()
        self._errors = -1
        try:
            self._errors = os.memfd_create("reader")
            self._process = subprocess.Popen(
                _command(setup, line),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                pass_fds=(line,),
                process_group=0,
                cwd="/",
                env={name: os.environ[name] for name in _KEPT if name in os.environ},
                bufsize=0,
            )
        except BaseException:
            self._close_descriptors()
            raise
        finally:
            os.close(line)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.stdin, self.stdout = self._process.stdin.fileno(), self._process.stdout.fileno()
        for pipe in (self.stdin, self.stdout):
            os.set_blocking(pipe, False)
            with suppress(OSError):
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_room(self) -> bool:
        size_bytes = sum(job.size_bytes for job in self.waiting)
        return not self.waiting or (len(self.waiting) < MOST_WAITING and size_bytes < MOST_WAITING_BYTES)

    @property
    def has_outgoing(self) -> bool:
        return bool(self._outgoing)

    def give(self, job: Job, now_s: float) -> None:
        """One more job, to be done after those it has."""
        self.waiting.append(job)
        if len(self.waiting) == 1 and self.ready:
            self._begin(now_s)
        self._given += 1
        self._outgoing.append(memoryview(job.frames(self._given)))
        self.write()

    def write(self) -> None:
        """Hand over what the pipe takes now."""
        while self._outgoing:
            try:
                written = os.write(self.stdin, self._outgoing[0])
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.EPIPE:
                    raise
                self._outgoing.clear()  # it has ended; reading will tell how
                return
            if written == len(self._outgoing[0]):
                self._outgoing.popleft()
            else:
                self._outgoing[0] = self._outgoing[0][written:]

    def read(self, now_s: float) -> Ended | None:
        """Take in what it has said; tells when it has ended by that."""
        try:
            data = os.read(self.stdout, _READ_BYTES)
        except BlockingIOError:
            return None
        if not data:
            return self._ended()
        self._buffer.add(data)
        try:
            for number, payload in self._buffer.frames():
                ended = self._hear(number, payload, now_s)
                if ended is not None:
                    return ended
        except BrokenFrame as broken:
            return self._end(f"the reader {broken.args[0]}", again=True)
        if len(data) == _READ_BYTES and self.ready:  # it may have waited for us
            self._begin(now_s)
        return None

    def _begin(self, now_s: float) -> None:
        """The time of the first job that waits begins now, or again."""
        limit_s = self._limits.seconds_for(self.waiting[0].size_bytes) if self.waiting else float("inf")
        self._watch = Watch(now_s, limit_s)

    def _hear(self, number: int, payload: bytes, now_s: float) -> Ended | None:
        answer = parse(payload)
        if not self.ready:
            if answer[0] != "ready":
                return self._end("the reader answered before it was ready")
            self.ready = True
        elif answer[0] == "memory":
            return self._end("the reader ran out of memory", again=self._finished > 0)
        elif not self.waiting or number != self._finished + 1 or not self.waiting[0].allows(answer):
            return self._end("the reader answered what it was not asked", again=True)
        else:
            self.waiting[0].take(answer)
            if self.waiting[0].done:
                self.waiting.popleft()
                self._finished += 1
        self._begin(now_s)
        return None

    def look_in_s(self, now_s: float) -> float:
        """Seconds until :meth:`is_overdue` is worth asking, not above 0 when it is now."""
        return self._watch.next_s - now_s

    def is_overdue(self, now_s: float) -> bool:
        """Whether it has taken too long, and that by its own fault; see :class:`Watch`."""
        return self._watch.is_overdue(now_s, self.pid)

    def time_out(self) -> Ended:
        """End it because it is overdue."""
        return self._end(_took_longer(self._watch.limit_s))

    def close(self) -> None:
        """End it and all it may have started, at once. There is nothing in it to lose."""
        self._end("")

    def _end(self, reason: str, *, again: bool = False) -> Ended:
        if self._process.returncode is not None:  # buried: its number may be somebody else's
            return Ended(reason, again)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._let_go()
        return Ended(reason, again)

    def _ended(self) -> Ended:
        """Its output ended: it is dead or dying, or has closed the pipe."""
        if not self._dies():
            return self._end("the reader closed its pipe")
        tail = _tail(self._errors)
        self.last_words = tail.decode("utf-8", "replace").strip().rpartition("\n")[2]
        self._end("")  # what it has started, if anything, goes with it
        code = self._process.returncode
        if self.waiting and self._buffer.partial and not code:
            return Ended("the reader stopped in the middle of an answer", again=False)
        return self._cause(code, tail)

    def _dies(self) -> bool:
        """Whether it is dead within a moment. It stays unburied, so that its number is nobody else's yet."""
        limit_s = time.monotonic() + _END_S
        while os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            if time.monotonic() > limit_s:
                return False
            time.sleep(_LOOK_AGAIN_S)
        return True

    def _cause(self, code: int | None, tail: bytes) -> Ended:
        if code is None:
            return Ended("the reader stopped", again=False)
        if code == OUT_OF_MEMORY or (code in (-signal.SIGABRT, 1) and _SHORT_OF_MEMORY.search(tail)):
            return Ended("the reader ran out of memory", again=self._finished > 0)
        if code == -signal.SIGXCPU:
            return Ended(_took_longer(self._watch.limit_s), again=False)
        if code in (-signal.SIGKILL, -signal.SIGTERM):
            return Ended(f"the reader was killed (signal {-code})", again=True)
        if code < 0:
            return Ended(f"the reader crashed (signal {-code})", again=False)
        return Ended(f"the reader stopped (exit code {code})", again=False)

    def _let_go(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._close_descriptors()
        with suppress(subprocess.TimeoutExpired):  # stuck in the kernel, on a dead disk: it goes when that lets it
            self._process.wait(_END_S)

    def _close_descriptors(self) -> None:
        for descriptor in (self._lifeline, self._errors):
            if descriptor >= 0:
                os.close(descriptor)
        self._lifeline = self._errors = -1


def _took_longer(limit_s: float) -> str:
    return f"reading took longer than {limit_s:.0f} s"


def _command(setup: ReaderSetup, line: int) -> list[str]:
    package_parent = str(Path(__file__).resolve().parents[2])
    configuration = {
        "limits": asdict(setup.limits),
        "max_file_bytes": setup.max_file_bytes,
        "reader": setup.reader,
        "lifeline": line,
        "path": [*(place for place in sys.path if place), package_parent],
    }
    flags = ["-I", "-S"]  # no environment, no site: the path is ours
    flags += ["-B"] if sys.dont_write_bytecode else []
    flags += ["-X", "utf8"] if sys.getfilesystemencoding() == "utf-8" else []
    return [sys.executable, *flags, "-c", _START, json.dumps(configuration)]


def _tail(descriptor: int) -> bytes:
    size = os.fstat(descriptor).st_size
    return os.pread(descriptor, _STDERR_TAIL_BYTES, max(0, size - _STDERR_TAIL_BYTES))
