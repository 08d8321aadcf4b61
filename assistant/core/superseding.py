"""Whether a document says of itself, or its name says, that another has taken its place."""

from __future__ import annotations

import os
import re

_OPENING_CHARS = 800
_REPLACED = re.compile(
    r"^\W*(?:status|state|статус|состояние)\W+.{0,40}\b(?:superseded|obsolete|deprecated|outdated|replaced|withdrawn|"
    r"устарел\w*|отмен[её]н\w*|замен[её]н\w*)|\b(?:superseded|obsoleted) by\b|\bno longer (?:valid|in force)\b",
    re.IGNORECASE | re.MULTILINE,
)
_OLD_NAME = re.compile(
    r"(?:^|[\W_])(old|outdated|obsolete|deprecated|superseded|backup|bak|copy|draft|archive|archived|trash|tmp|"
    r"черновик|устарел\w+|стар\w+|архив|копия)(?:$|[\W_])",
    re.IGNORECASE,
)


def is_superseded(text: str) -> bool:
    """Whether a document says of itself, near its beginning, that another has taken its place."""
    return _REPLACED.search(text[:_OPENING_CHARS]) is not None


def calls_itself_old(path: str, title: str | None = None) -> bool:
    """Whether file, folder or title say that it is old or a draft. Kept with every item when it is written: another
    rule needs another schema version (:mod:`assistant.memory.layout`)."""
    folder, name = os.path.split(path)
    return any(_OLD_NAME.search(words) for words in (name, os.path.basename(folder), title or ""))
