"""One value of any type that contracts are made of, every field filled in."""

from __future__ import annotations

import dataclasses
import types
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel


def example(kind: Any) -> Any:
    """A value of this type."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return example(arguments[0])
    if origin in (Union, types.UnionType):
        return example(arguments[0])
    if origin is Literal:
        return arguments[-1]
    if origin is tuple:
        wanted = arguments[:1] if arguments[-1] is Ellipsis else arguments
        return tuple(map(example, wanted))
    if origin is dict:
        return {example(arguments[0]): example(arguments[1])}
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind(**{name: example(field.annotation) for name, field in kind.model_fields.items()})
    if dataclasses.is_dataclass(kind):
        return kind(**{name: example(hint) for name, hint in get_type_hints(kind, include_extras=True).items()})  # type: ignore[operator]
    return _PLAIN[kind]


_PLAIN: dict[Any, Any] = {
    str: "Größe «чай» \u2028 \U0001f375",
    int: 7,
    float: 0.1,
    bool: True,
    bytes: b"\x00\xff piped",
    datetime: datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC),
    type(None): None,
}
