"""``recall`` against a running process, without typer, rich and pydantic: these take longer to load than a question
takes to answer. Whatever is out of the ordinary (help, an unknown option, no process) is left to the whole command
line, which understands all of it and says the same."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from assistant.cli.ending import exit_code_of
from assistant.cli.narrowing import Narrowing, plain
from assistant.cli.plain import Seen, as_json_object, recalled_plainly, safe
from assistant.contracts.errors import EXIT_DONE, EXIT_NOTHING_FOUND, UserError
from assistant.contracts.limits import MAX_K
from assistant.core.typed import typed

if TYPE_CHECKING:
    from assistant.reaching import Reach

_LISTS = {
    "--in": "within",
    "--kind": "kinds",
    "--language": "languages",
    "--symbol": "symbols",
    "--file-hint": "file_hints",
}
_ONES = {"--since", "--until", "-k"}
_DEFAULT_K = 10
_NOT_FOR_US = -1


class _Wanted:
    """The arguments of ``recall``."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.lists: dict[str, list[str]] = {name: [] for name in _LISTS.values()}
        self.ones: dict[str, str] = {}
        self.flags: set[str] = set()

    def read(self, arguments: Sequence[str]) -> bool:
        """Whether all of it is plain to us; the whole command line understands more ways to write it."""
        left = iter(arguments)
        for one in left:
            if one in ("--json", "--explain"):
                self.flags.add(one)
            elif one in _LISTS or one in _ONES:
                value = next(left, "-")
                if value.startswith("-"):
                    return False
                if one in _LISTS:
                    self.lists[_LISTS[one]].append(value)
                else:
                    self.ones[one] = value
            elif one.startswith("-"):
                return False
            else:
                self.words.append(one)
        return len(self.words) == 1 and self.k is not None

    @property
    def k(self) -> int | None:
        """How many hits; ``None``: what was typed is no such number."""
        text = self.ones.get("-k", str(_DEFAULT_K))
        return int(text) if text.isascii() and text.isdecimal() and 1 <= int(text) <= MAX_K else None

    def narrowing(self) -> Narrowing:
        """Filters and hints."""
        return Narrowing(since=self.ones.get("--since"), until=self.ones.get("--until"), **self.lists)


def recall(arguments: Sequence[str]) -> int | None:
    """The exit code; ``None`` when it is not for us to do, and nothing has been done."""
    wanted = _Wanted()
    if not wanted.read(arguments) or sys.stdout is None or sys.stderr is None:
        return None
    reach = _reach()
    if reach is None:
        return None
    try:
        code = exit_code_of(lambda: _recalled(reach, wanted))
    finally:
        reach.close()
    return None if code == _NOT_FOR_US else code


def recall_told(text: str, k: int, narrowed: Narrowing, *, explain: bool) -> dict[str, Any]:
    """The fields of the command ``Recall``, as JSON. Raises :class:`~assistant.contracts.errors.WrongUse`."""
    filters = narrowed.told()
    query = {"text": typed(plain(text)), "k": k, "filters": filters, "signals": narrowed.signals()}
    return {"query": query, "explain": explain}


def _reach() -> Reach | None:
    """A process that is running; ``None`` when there is none, or something is wrong with it that the whole command
    line will meet again and tell."""
    from assistant.reaching import Reach

    try:
        reach = Reach(_note)
        return reach if reach.remote() is not None else None
    except UserError:
        return None


def _note(sentence: str) -> None:
    sys.stderr.write(f"{safe(sentence)}\n")


def _recalled(reach: Reach, wanted: _Wanted) -> int:
    as_json, explain = "--json" in wanted.flags, "--explain" in wanted.flags
    asked = recall_told(wanted.words[0], wanted.k or _DEFAULT_K, wanted.narrowing(), explain=explain)
    told = reach.say("Recall", asked)
    if told is None:
        return _NOT_FOR_US
    if as_json:
        as_json_object(told)
    else:
        result: Any = Seen(told)
        roots = () if result.items else reach.say("TellRoots", {})
        if explain or sys.stdout.isatty():
            from assistant.cli import render

            render.recalled(result, roots, as_json=False)
        else:
            recalled_plainly(result, roots)
    return EXIT_DONE if told["items"] else EXIT_NOTHING_FOUND
