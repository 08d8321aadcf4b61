"""Token bucket, one per kind of job."""

from __future__ import annotations

import time
from typing import Callable


class TokenBucket:
    def __init__(
        self,
        rate: float,
        burst: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if rate <= 0 or burst < 1:
            raise ValueError("rate must be positive and burst at least 1")
        self.rate = rate
        self.burst = burst
        self._clock = clock
        self._tokens = float(burst)
        self._last = clock()

    def _refill(self) -> None:
        now = self._clock()
        # A clock that goes backwards must not take tokens away.
        passed = max(0.0, now - self._last)
        self._tokens = min(self.burst, self._tokens + passed * self.rate)
        self._last = now

    def try_take(self) -> bool:
        self._refill()
        if self._tokens >= 1:
            self._tokens -= 1
            return True
        return False

    def wait_time(self) -> float:
        """Seconds until the next token; 0 when there is one now."""
        self._refill()
        if self._tokens >= 1:
            return 0.0
        return (1 - self._tokens) / self.rate


class Limits:
    """Looks up the bucket of a kind: `mail.send`, then `mail.*`, else unlimited."""

    def __init__(self, buckets: dict[str, TokenBucket] | None = None) -> None:
        self._buckets = dict(buckets or {})

    def bucket_for(self, kind: str) -> TokenBucket | None:
        if kind in self._buckets:
            return self._buckets[kind]
        family = kind.split(".", 1)[0] + ".*"
        return self._buckets.get(family)

    def blocked_kinds(self, kinds: list[str]) -> list[str]:
        blocked = []
        for kind in kinds:
            bucket = self.bucket_for(kind)
            if bucket is not None and bucket.wait_time() > 0:
                blocked.append(kind)
        return blocked

    def take(self, kind: str) -> None:
        bucket = self.bucket_for(kind)
        if bucket is not None:
            bucket.try_take()
