"""Errors and events as JSON and back: the same class on the other side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, get_type_hints

from assistant.contracts import errors
from assistant.contracts.errors import AssistantError, DataError, Interrupted, UnreadableSource, UserError

if TYPE_CHECKING:
    from assistant.contracts.events import Event

MOST_TEXT = 4000
"""Characters of each part of an error that go over the wire."""
BUG = "Bug"
"""Kind of an error that is a mistake in the program, recorded where it happened."""


def _user_errors() -> dict[str, type[UserError]]:
    known = {name: one for name, one in vars(errors).items() if isinstance(one, type) and issubclass(one, UserError)}
    return {name: one for name, one in known.items() if name == one.__name__}


USER_ERRORS = _user_errors()


def error_told(error: AssistantError) -> dict[str, Any]:
    """An error for the wire."""
    if isinstance(error, Interrupted):
        return _told(Interrupted.__name__, "It was stopped.", errors.EXIT_INTERRUPTED)
    if isinstance(error, UserError):
        kind = next(one.__name__ for one in type(error).__mro__ if one.__name__ in USER_ERRORS)
        return _told(kind, error.happened, error.exit_code, error.kept, error.remedy)
    happened = error.reason if isinstance(error, UnreadableSource) else str(error) or type(error).__name__
    return _told(DataError.__name__, happened, DataError.exit_code)


def bug_told(error: BaseException, where: str) -> dict[str, Any]:
    """A mistake in the program, in one line; ``where`` says where it is recorded."""
    return _told(BUG, f"The assistant process made a mistake: {type(error).__name__}.", 1, remedy=where)


def _told(kind: str, happened: str, exit_code: int, kept: str = "", remedy: str = "") -> dict[str, Any]:
    parts = {"happened": happened, "kept": kept, "remedy": remedy}
    return {"kind": kind, **{name: text[:MOST_TEXT] for name, text in parts.items()}, "exit_code": exit_code}


def error_heard(told: object) -> AssistantError:
    """The error that was told of: of its class when we know it, else a :class:`UserError` with its text and exit
    code."""
    if not isinstance(told, Mapping):
        return DataError("The assistant process told of an error that makes no sense.")
    if told.get("kind") == Interrupted.__name__:
        return Interrupted()
    happened, kept, remedy = (str(told.get(name, "")) for name in ("happened", "kept", "remedy"))
    known = USER_ERRORS.get(str(told.get("kind")))
    heard = (known or UserError)(happened, kept=kept, remedy=remedy)
    code = told.get("exit_code")
    if known is None and isinstance(code, int) and 0 < code < 256:
        heard.exit_code = code
    return heard


def event_told(event: Event) -> tuple[str, dict[str, Any]]:
    """Name and fields of an event."""
    from dataclasses import fields

    return type(event).__name__, {one.name: getattr(event, one.name) for one in fields(event)}


def event_heard(name: object, told: object) -> Event | None:
    """The event that was told of; ``None`` for one we do not know, or whose fields are not what they should be."""
    from assistant.contracts.events import EVENTS  # a command that is answered at once needs none

    kind = EVENTS.get(str(name))
    if kind is None or not isinstance(told, Mapping):
        return None
    hints = get_type_hints(kind)
    if told.keys() != hints.keys():
        return None
    given = {key: _frozen(value) for key, value in told.items()}
    if not all(_fits(given[key], str(hint)) for key, hint in hints.items()):
        return None
    heard: Event = kind(**given)
    return heard


def _frozen(value: object) -> object:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _fits(value: object, hint: str) -> bool:
    """Whether a value is of the kind its field is declared to be, as deep as a listener looks."""
    if isinstance(value, bool):
        return "bool" in hint
    if isinstance(value, tuple):
        return hint.startswith("tuple")
    if value is None:
        return "None" in hint
    if isinstance(value, str):
        return "str" in hint and not hint.startswith("tuple")
    if isinstance(value, int):
        return "int" in hint or "float" in hint
    return isinstance(value, float) and "float" in hint
