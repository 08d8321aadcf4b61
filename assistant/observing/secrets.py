"""What must never stand in a log: keys, tokens, passwords. Patterns of the vendors' own documentation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

REMOVED = "[removed]"
_PATTERNS = (
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL),
    re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"),  # JSON web token
    re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    re.compile(r"\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}"),
    re.compile(r"\bglpat-[\w-]{16,}"),
    re.compile(r"\bxox[abeoprs]-[\w-]{10,}"),
    re.compile(r"\bsk-[\w-]{16,}"),
    re.compile(r"\bAIza[\w-]{30,}"),
    re.compile(r"\bhf_\w{20,}"),
    re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"),  # user:password@host
    re.compile(r"(?i)(?<=bearer )[\w.~+/=-]{8,}"),
    re.compile(
        r"(?i)(?<![\w])(?:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|пароль)"
        r"[\"']?\s*[:=]\s*[\"']?([^\s\"',;]{4,})"
    ),
)
_NAMES = re.compile(r"(?i)password|passwd|passphrase|secret|token|api_?key|authorization|cookie")
MOST_DEPTH = 6


def without_secrets(text: str) -> str:
    """The text with what looks like a secret taken out."""
    for pattern in _PATTERNS:
        text = pattern.sub(_taken_out, text)
    return text


def _taken_out(found: re.Match[str]) -> str:
    if found.re.groups and found[1] is not None:
        start = found.start(1) - found.start()
        return f"{found[0][:start]}{REMOVED}{found[0][start + len(found[1]) :]}"
    return REMOVED


def cleaned(value: Any, depth: int = 0) -> Any:
    """The same for a value of a log entry, however deep it is nested (beyond :data:`MOST_DEPTH`: as text)."""
    match value:
        case str():
            return without_secrets(value)
        case Mapping() if depth < MOST_DEPTH:
            return {
                str(name): REMOVED if _NAMES.search(str(name)) and isinstance(one, str) else cleaned(one, depth + 1)
                for name, one in value.items()
            }
        case list() | tuple() if depth < MOST_DEPTH:
            return [cleaned(one, depth + 1) for one in value]
        case int() | float() | None:
            return value
        case _:
            return without_secrets(str(value))
