"""The loop which takes jobs and runs them."""

from __future__ import annotations

import logging
import os
import random
import signal
import socket
import time
from typing import Callable

from .backoff import Backoff
from .errors import LeaseLost, Reject, UnknownKind
from .model import Job
from .ratelimit import Limits
from .registry import Registry
from .store import Store

log = logging.getLogger("millrace")


class Context:
    """Handed to every task as the second argument."""

    def __init__(self, store: Store, job: Job, lease_seconds: float) -> None:
        self.job = job
        self._store = store
        self._lease_seconds = lease_seconds

    def renew(self) -> None:
        self._store.renew(self.job, self._lease_seconds)


class Worker:
    def __init__(
        self,
        store: Store,
        registry: Registry,
        backoff: Backoff | None = None,
        limits: Limits | None = None,
        max_attempts: int = 6,
        lease_seconds: float = 60,
        poll_seconds: float = 0.25,
        rng: random.Random | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self.store = store
        self.registry = registry
        self.backoff = backoff or Backoff()
        self.limits = limits or Limits()
        self.max_attempts = max_attempts
        self.lease_seconds = lease_seconds
        self.poll_seconds = poll_seconds
        self._rng = rng
        self._sleep = sleep
        self._stopping = False

    def stop(self, *_: object) -> None:
        """Signal handler: finish the current job, then leave the loop."""
        self._stopping = True

    def run(self, once: bool = False) -> int:
        """Works until stopped; with once=True until nothing is due. Returns jobs handled."""
        if not once:
            signal.signal(signal.SIGTERM, self.stop)
            signal.signal(signal.SIGINT, self.stop)
        handled = 0
        while not self._stopping:
            if self.step():
                handled += 1
            elif once:
                break
            else:
                self._sleep(self.poll_seconds)
        return handled

    def step(self) -> bool:
        """Handles one job. False when there was nothing to do."""
        blocked = self.limits.blocked_kinds(self.store.kinds())
        job = self.store.lease(self.name, self.lease_seconds, skip_kinds=blocked)
        if job is None:
            return False
        if job.attempts > self.max_attempts:
            # The lease of the last attempt expired: the worker died with it.
            self.store.bury(job, job.last_error or "lease expired on the last attempt")
            return True
        self.limits.take(job.kind)
        try:
            self.registry.get(job.kind)(job.payload, Context(self.store, job, self.lease_seconds))
        except LeaseLost:
            log.warning("job %s: lease lost, somebody else has it", job.id)
        except (Reject, UnknownKind) as error:
            self.store.bury(job, f"{type(error).__name__}: {error}")
        except Exception as error:  # a task may raise anything
            self._failed(job, error)
        else:
            self._done(job)
        return True

    def _done(self, job: Job) -> None:
        try:
            self.store.finish(job)
        except LeaseLost:
            log.warning("job %s finished after its lease, it will run again", job.id)

    def _failed(self, job: Job, error: Exception) -> None:
        text = f"{type(error).__name__}: {error}"[:500]
        try:
            if job.attempts >= self.max_attempts:
                self.store.bury(job, text)
                log.error("job %s is dead: %s", job.id, text)
            else:
                delay = self.backoff.delay(job.attempts, self._rng)
                self.store.retry(job, delay, text)
                log.info("job %s again in %.1f s: %s", job.id, delay, text)
        except LeaseLost:
            log.warning("job %s failed after its lease was lost", job.id)
