"""Commands and their replies as JSON and back, checked strictly: an unknown field or a wrong type is an error."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from assistant.contracts.commands import AT_THE_DOOR, Command
from assistant.contracts.errors import DataError, WrongUse

_MOST_NAMED = 5


def command_heard(name: object, told: object) -> Command[Any]:
    """The command of this name. Raises :class:`~assistant.contracts.errors.WrongUse`."""
    kind = AT_THE_DOOR.get(name) if isinstance(name, str) else None
    if kind is None:
        raise WrongUse(f"There is no command {str(name)[:60]!r} at this door.")
    try:
        return kind.model_validate_json(json.dumps(told), strict=True)
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, one['loc']))[:60] or 'it'}: {one['msg'].lower()}"
            for one in error.errors(include_url=False, include_context=False, include_input=False)[:_MOST_NAMED]
        ]
        raise WrongUse(f"The command {name} cannot be carried out as asked: {'; '.join(problems)}.") from None
    except RecursionError:
        raise WrongUse(f"The command {name} is nested too deeply.") from None


def command_told(command: Command[Any]) -> tuple[str, dict[str, Any]]:
    """Name and fields of a command."""
    return type(command).__name__, command.model_dump(mode="json")


@lru_cache(maxsize=64)
def _reply_of(kind: type[Command[Any]]) -> TypeAdapter[Any]:
    return TypeAdapter(kind.reply_type())


def reply_told(command: Command[Any], reply: object) -> bytes:
    """A reply as JSON."""
    return _reply_of(type(command)).dump_json(reply)


def reply_heard(command: Command[Any], told: object) -> Any:
    """The reply to a command, of the type the command promises. Raises
    :class:`~assistant.contracts.errors.DataError`."""
    try:
        return _reply_of(type(command)).validate_json(json.dumps(told), strict=True)
    except ValidationError as error:
        raise DataError(
            f"The reply of the assistant process makes no sense ({error.error_count()} fields).",
            remedy="Restart it: assistant serve --stop; assistant serve",
        ) from None
