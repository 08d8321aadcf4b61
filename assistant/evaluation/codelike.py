"""Whether a text without a file name is source code, and of which language."""

from __future__ import annotations

import re
from dataclasses import dataclass

from assistant.reading.kinds import HEAD_BYTES, language_of
from assistant.reading.syntax import parse

MOST_CHARS = 200_000
"""Longer texts are taken for prose."""


@dataclass(frozen=True, slots=True)
class _Language:
    """``opens``: what a text of this language holds at least once."""

    name: str
    extension: str
    opens: re.Pattern[str]


def _language(name: str, extension: str, opens: str) -> _Language:
    return _Language(name, extension, re.compile(opens, re.MULTILINE))


_LANGUAGES = (
    _language(
        "python", "py", r"^[ \t]*(?:async[ \t]+)?def[ \t]+\w+[ \t]*\(|^class[ \t]+\w+|^import[ \t]\w|^from[ \t]\S"
    ),
    _language("go", "go", r"^func[ \t]*[\w(]|^type[ \t]+\w+[ \t]+(?:struct|interface)\b"),
    _language("rust", "rs", r"\bfn[ \t]+\w+|^(?:pub[ \t]+)?(?:struct|enum|impl|trait)\b"),
    _language("java", "java", r"\b(?:public|private|protected|static|void)\b[^;\n]*[({]|@Override"),
    _language("javascript", "js", r"\bfunction\b[ \t]*\*?[ \t]*\w*[ \t]*\(|=>|\b(?:const|let|var)[ \t]+[\w{\[]"),
    _language("typescript", "ts", r"\b(?:interface|type|enum|function|class|const|let)[ \t]+\w+.*[:{=]"),
    _language("c_sharp", "cs", r"\b(?:public|private|protected|internal|static)\b[^;\n]*[({]?$|\bnamespace\b"),
    _language("c", "c", r"^\w[\w \t*]*\([^;{}]*\)\s*\{|^#include\b"),
    _language("cpp", "cpp", r"^[\w:<>~]+[\w \t*&:<>~,]*\([^;{}]*\)|^#include\b|^template\b"),
    _language("ruby", "rb", r"^[ \t]*def[ \t]+[\w.?!=]+[\s\S]*^[ \t]*end\b"),
    _language("php", "php", r"\A\s*<\?php\b"),
)
_EXTENSIONS = {language.name: language.extension for language in _LANGUAGES} | {
    "bash": "sh",
    "perl": "pl",
    "lua": "lua",
}


def code_extension(text: str) -> str | None:
    """Extension of a source file ("py") for a text that is code; ``None`` for everything else.

    Code is what names its interpreter in the first line, or holds a definition of a language (a function, a class, an
    import) and is read by that language's grammar from end to end without an error.
    """
    named = _EXTENSIONS.get(language_of("", text[:HEAD_BYTES].encode()) or "")
    if named is not None:
        return named
    if len(text) > MOST_CHARS:
        return None
    data = text.encode()
    for language in _LANGUAGES:
        if language.opens.search(text):
            tree = parse(language.name, data)
            if tree is not None and not tree.root_node.has_error:
                return language.extension
    return None
