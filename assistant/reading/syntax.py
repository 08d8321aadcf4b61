"""Concrete syntax trees by tree-sitter, within bounds that hostile sources cannot break.

Positions in a tree are bytes of the UTF-8 form of the text; :class:`CharOffsets` turns them into characters.
"""

from __future__ import annotations

import importlib
import re
import time
import zlib
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Point, Tree

MOST_NESTING = 256
"""Open brackets at one place (strings and comments are not told apart). Recovery from an error takes time and memory
by the square of what is open, in one step that cannot be stopped."""

MOST_REPETITION = 30
"""How many times smaller ``_REPEAT_BYTES`` of code may compress. What is open at once need not be brackets (``a = a = a
= ...``, ``if a else if a else ...``), but then it is one thing over and over: 20 KB of it can take gigabytes."""

MOST_BYTES = 4 * 1024 * 1024
"""Larger sources (other than JSON, where a picture may be one string) get no tree."""

MOST_SIGNS = 1_000_000
"""Punctuation marks a source may hold: a tree takes about 200 bytes of memory for each."""

MOST_YAML_LEVELS = 96
"""Columns that may open a block inside each other. The YAML scanner keeps its levels (two a column at most) in 1,024
bytes, four a level, and the process dies when they do not fit."""

_GRAMMARS = {
    "bash": ("tree_sitter_bash", "language"),
    "c": ("tree_sitter_c", "language"),
    "c_sharp": ("tree_sitter_c_sharp", "language"),
    "cpp": ("tree_sitter_cpp", "language"),
    "css": ("tree_sitter_css", "language"),
    "go": ("tree_sitter_go", "language"),
    "java": ("tree_sitter_java", "language"),
    "javascript": ("tree_sitter_javascript", "language"),
    "json": ("tree_sitter_json", "language"),
    "kotlin": ("tree_sitter_kotlin", "language"),
    "lua": ("tree_sitter_lua", "language"),
    "php": ("tree_sitter_php", "language_php"),
    "python": ("tree_sitter_python", "language"),
    "ruby": ("tree_sitter_ruby", "language"),
    "rust": ("tree_sitter_rust", "language"),
    "scala": ("tree_sitter_scala", "language"),
    "sql": ("tree_sitter_sql", "language"),
    "toml": ("tree_sitter_toml", "language"),
    "tsx": ("tree_sitter_typescript", "language_tsx"),
    "typescript": ("tree_sitter_typescript", "language_typescript"),
    "yaml": ("tree_sitter_yaml", "language"),
}

_READ_BYTES = 4096  # given to the lexer at once
_READS_SPARE, _READS_PER_PART = 1000, 50
_CPU_SPARE_S, _CPU_PER_BYTE_S = 2.0, 4e-6  # ordinary sources need 1e-7 to 1e-6 seconds a byte
_REPEAT_BYTES = 4096
_BLOCK_BYTES = 512
_BRACKET_RUNS = re.compile(rb"[(\[{]+|[)\]}]+|(?<=\w)<|>|;")
_LINE_END = re.compile(rb"\r\n?|\n")
_YAML_MARK = re.compile(rb"[-?:](?=[ \t]|\Z)")
_SIGNS = b"()[]{}<>,;:.'\"!?@#$%^&*|~-\\"
_CONTINUATION = bytes(range(0x80, 0xC0))


class CharOffsets:
    """Turns byte offsets of ``text.encode("utf-8")`` into character offsets of ``text``.

    Built in linear time; one question looks at no more than ``_BLOCK_BYTES`` bytes. Immutable.
    """

    __slots__ = ("_before", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._before: list[int] | None = None  # None: ASCII
        if not data.isascii():
            count, before = 0, []
            for at in range(0, len(data) + 1, _BLOCK_BYTES):
                before.append(count)
                count += len(data[at : at + _BLOCK_BYTES].translate(None, _CONTINUATION))
            self._before = before

    def char(self, byte: int) -> int:
        """The number of characters that begin before ``byte``."""
        if self._before is None:
            return byte
        block = byte // _BLOCK_BYTES
        return self._before[block] + len(self._data[block * _BLOCK_BYTES : byte].translate(None, _CONTINUATION))


def parse(language: str, data: bytes) -> Tree | None:
    """The syntax tree of ``data`` (UTF-8), errors recovered from; thread-safe.

    ``None``: there is no grammar for ``language``, or the source would take too much work. Work is bounded by size
    and nesting (the ``MOST_`` constants; JSON may nest at will), by how often the lexer goes over the same bytes,
    and, behind those, by processor time: about ten times what the slowest ordinary source takes. Only a source built
    to be slow, yet with little nesting and little to re-read, meets the last bound, which depends on the machine.
    """
    grammar = _grammar(language)
    if grammar is None or not _is_bearable(language, data):
        return None
    from tree_sitter import Parser

    reads_left = _READS_SPARE + _READS_PER_PART * (len(data) // _READ_BYTES + 1)
    cpu_limit_s = time.thread_time() + _CPU_SPARE_S + _CPU_PER_BYTE_S * len(data)

    def read(byte: int, _point: Point) -> bytes:
        nonlocal reads_left
        reads_left -= 1
        return data[byte : byte + _READ_BYTES]  # always: a source that changes under way is no use to the parser

    def stop(_byte: int, _has_error: bool) -> bool:
        return reads_left < 0 or time.thread_time() > cpu_limit_s

    try:
        return Parser(grammar).parse(read, encoding="utf8", progress_callback=stop)
    except ValueError:  # stopped
        return None


def _is_bearable(language: str, data: bytes) -> bool:
    if len(data) - len(data.translate(None, _SIGNS)) > MOST_SIGNS:
        return False
    if language == "json":
        return True
    if len(data) > MOST_BYTES or nesting(data) > MOST_NESTING:
        return False
    if language == "yaml":
        return yaml_levels(data) <= MOST_YAML_LEVELS
    return language == "toml" or not _is_repetitive(data)


def _is_repetitive(data: bytes) -> bool:
    """Whether some stretch of ``_REPEAT_BYTES`` is little but one thing repeated."""
    for at in range(0, len(data) - _REPEAT_BYTES // 2, _REPEAT_BYTES // 2):
        stretch = data[at : at + _REPEAT_BYTES]
        if len(zlib.compress(stretch, 1)) * MOST_REPETITION < len(stretch):
            return True
    return False


def nesting(data: bytes) -> int:
    """The most brackets open at one place. ``<`` right after a word counts until the statement ends."""
    depth = angles = most = 0
    for match in _BRACKET_RUNS.finditer(data):
        run = match[0]
        first = run[0]
        if first in b"([{":
            depth += len(run)
        elif first in b")]}":
            depth = max(0, depth - len(run))
            angles = 0
        elif first == 0x3C:
            angles += 1
        elif first == 0x3E:
            angles = max(0, angles - 1)
        else:
            angles = 0
        if depth + angles > most:
            most = depth + angles
    return most


def yaml_levels(data: bytes) -> int:
    """The most columns at which blocks may stand open inside each other: indentation, and every mark in the lines."""
    open_columns: list[int] = []
    most = 0
    for line in _LINE_END.split(data):
        bare = line.lstrip(b" \t")
        if not bare:
            continue
        column = len(line) - len(bare)
        while open_columns and open_columns[-1] >= column:
            open_columns.pop()
        open_columns.append(column)
        open_columns.extend(column + mark.end() for mark in _YAML_MARK.finditer(bare))
        most = max(most, len(open_columns))
    return most


def node_text(node: Node, data: bytes, most_bytes: int = 400) -> str:
    """The source of a small node, cut off after ``most_bytes``."""
    return data[node.start_byte : min(node.end_byte, node.start_byte + most_bytes)].decode("utf-8", "ignore")


@cache
def _grammar(language: str) -> Language | None:
    if language not in _GRAMMARS:
        return None
    from tree_sitter import Language

    module, function = _GRAMMARS[language]
    return Language(getattr(importlib.import_module(module), function)())
