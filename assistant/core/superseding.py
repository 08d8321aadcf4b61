"""Whether a document says of itself that another has taken its place."""

from __future__ import annotations

import re

_OPENING_CHARS = 800
_REPLACED = re.compile(
    r"^\W*(?:status|state|статус|состояние)\W+.{0,40}\b(?:superseded|obsolete|deprecated|outdated|replaced|withdrawn|"
    r"устарел\w*|отмен[её]н\w*|замен[её]н\w*)|\b(?:superseded|obsoleted) by\b|\bno longer (?:valid|in force)\b",
    re.IGNORECASE | re.MULTILINE,
)


def is_superseded(text: str) -> bool:
    """Whether a document says of itself, near its beginning, that another has taken its place."""
    return _REPLACED.search(text[:_OPENING_CHARS]) is not None
