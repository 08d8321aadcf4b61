"""Requests to a reader process and what becomes of them."""

from __future__ import annotations

from typing import Any

from assistant.reading.answers import Answer
from assistant.reading.framing import dump, frame

_ALLOWED = {
    "read": frozenset({"problem", "same", "nothing", "document"}),
    "places": frozenset({"problem", "nothing", "places"}),
    "commits": frozenset({"problem", "commits"}),
    "state": frozenset({"problem", "state"}),
    "fetch": frozenset({"problem", "raw"}),
}


class Job:
    """One request, until it is ``done``: then ``answers`` holds all there is, or ``problem`` says why there is none.

    ``request``: as in :mod:`assistant.reading.worker`, without its last element; ``given``: the bytes of the source.
    ``size_bytes``: how large the source is, as far as known.
    """

    __slots__ = ("answers", "done", "given", "problem", "request", "size_bytes", "tries")

    def __init__(self, request: list[Any], given: bytes | None = None, size_bytes: int = 0) -> None:
        self.request = request
        self.given = given
        self.size_bytes = size_bytes
        self.answers: list[Answer] = []
        self.problem: str | None = None
        self.done = False
        self.tries = 0

    def allows(self, answer: Answer) -> bool:
        """Whether ``answer`` is one to this request, and of no more than was asked for."""
        name, *more = answer
        if name not in _ALLOWED[self.request[0]]:
            return False
        if name == "same":
            return bool(self.request[4])  # as what?
        if name == "places":
            return len(more[0]) == len(self.request[4])
        if name == "commits":
            found = sum(len(one[1]) for one in self.answers) + len(more[0])
            return found <= self.request[2] and (bool(more[0]) or not more[1])
        return True

    def take(self, answer: Answer) -> None:
        """One more answer; ``done`` with the last."""
        self.answers.append(answer)
        self.done = not (answer[0] == "commits" and answer[2])

    def fail(self, problem: str) -> None:
        """No answer will come."""
        self.problem = problem
        self.done = True

    def start_over(self) -> None:
        """Forget the answers so far."""
        self.answers.clear()

    def frames(self, number: int) -> bytes:
        """What is written to the process that is to do it, which calls it ``number``."""
        payload = frame(number, dump([*self.request, self.given is not None]))
        return payload if self.given is None else payload + frame(number, self.given)
