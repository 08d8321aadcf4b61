"""Source code to documents: chunks follow the syntax tree."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from assistant.contracts.documents import Chunk, Document
from assistant.reading.borders import Border, cut, inside_word
from assistant.reading.definitions import COMMENTS
from assistant.reading.outline import Unit, outline
from assistant.reading.packing import MAX_CHARS, SMALL_CHARS, TARGET_CHARS, pack, paragraphs, trim
from assistant.reading.syntax import CharOffsets, parse

if TYPE_CHECKING:
    from tree_sitter import Node

    from assistant.reading.decoding import DecodedText

_NAMELESS_STEMS = frozenset({"__init__", "__main__", "mod", "index", "lib", "main"})
_CLOSERS = re.compile(r"[\s)\]};,]*")
_STOPS = re.compile(r"[ \t]*[;,]+")
_MID_LINE, _BELOW_COMMENT = 10_000, 1  # added to the badness of a border
_TINY_CHARS = 60  # an import or a call this short says nothing alone
_NO_BORDERS_BYTES = TARGET_CHARS // 2  # a node this small needs no borders inside


def read_code(path: str, decoded: DecodedText, language: str) -> Document | None:
    """The document of one source file; ``None`` when it has nothing but white space.

    Chunks have ``kind`` "code". ``scope`` is the module (see :func:`module_of`), then types and functions around the
    chunk; ``symbol`` is the first name the chunk defines. Later parts of a long definition have its signature as
    ``header``. A language without a grammar, or a source that is too much work for one, is cut at blank lines.
    """
    chunks = code_chunks(decoded.text, language, module_of(path))
    if not chunks:
        return None
    return Document(
        text=decoded.text,
        offsets=decoded.offsets(),
        encoding=decoded.encoding,
        kind="code",
        modality="code",
        chunks=tuple(chunks),
        language=language or None,
    )


def module_of(path: str) -> str:
    """The name a file goes by: its stem, or its folder for ``__init__``, ``index`` and the like."""
    pure = PurePosixPath(path)
    stem = pure.name.split(".", 1)[0] or pure.stem
    return pure.parent.name if stem in _NAMELESS_STEMS and pure.parent.name else stem


def code_chunks(text: str, language: str, module: str) -> list[Chunk]:
    """Chunks of ``text``, offsets counted from its start; every word is in one of them."""
    data = text.encode("utf-8")
    tree = parse(language, data)
    if tree is None:
        return block_chunks(text, language or None, (module,) if module else ())
    chars = CharOffsets(data)
    root = tree.root_node
    pieces = _pieces(text, chars, outline(root, data, module))
    long = [(piece.start, piece.end) for piece in pieces if piece.end - piece.start > MAX_CHARS]
    borders = _borders(root, data, chars, long) if long else []
    places = [place for place, _ in borders]
    chunks: list[Chunk] = []
    for piece in _packed(pieces):
        unit = piece.unit
        if piece.end - piece.start <= MAX_CHARS:
            chunks.append(Chunk(piece.start, piece.end, "code", unit.scope, "", piece.symbol, language))
            continue
        within = borders[bisect_left(places, piece.start) : bisect_left(places, piece.end)]
        header, symbol = "", piece.symbol
        for start, end in cut(text, piece.start, piece.end, within):
            chunks.append(Chunk(start, end, "code", unit.scope, header, symbol, language))
            header, symbol = unit.signature, None
    return chunks


def block_chunks(text: str, language: str | None, scope: tuple[str, ...]) -> list[Chunk]:
    """Chunks of blocks that blank lines part, for want of a syntax tree."""
    fitting = []
    for start, end in paragraphs(text):
        fitting.extend(cut(text, start, end, ()) if end - start > MAX_CHARS else [(start, end)])
    return [Chunk(start, end, "code", scope, language=language) for start, end in pack(text, fitting)]


class _Piece:
    """A unit, or several packed together, in characters and without white space around."""

    __slots__ = ("end", "start", "symbol", "unit")

    def __init__(self, start: int, end: int, unit: Unit, symbol: str | None) -> None:
        self.start, self.end, self.unit, self.symbol = start, end, unit, symbol


def _pieces(text: str, chars: CharOffsets, units: Sequence[Unit]) -> list[_Piece]:
    pieces: list[_Piece] = []
    for unit in units:
        start, end = chars.char(unit.start_byte), chars.char(unit.end_byte)
        if pieces and inside_word(text, start) and pieces[-1].end == start:
            pieces[-1].end = start + len(text[start:end].rstrip())
            continue
        own_end = chars.char(unit.own_end_byte)
        stops = _STOPS.match(text, own_end, end)
        own_end = stops.end() if stops else own_end
        if _CLOSERS.fullmatch(text, own_end, end):  # brackets of what is around
            end = own_end
        whole = trim(text, start, end)
        if whole is None or _CLOSERS.fullmatch(text, *whole):
            continue
        pieces.append(_Piece(*whole, unit, unit.symbol))
    return pieces


def _packed(pieces: Sequence[_Piece]) -> list[_Piece]:
    """Join small neighbours of one group. What defines nothing and is very small joins even a larger neighbour."""
    packed: list[_Piece] = []
    for piece in pieces:
        if not packed or not _joins(packed[-1], piece):
            packed.append(_Piece(piece.start, piece.end, piece.unit, piece.symbol))
            continue
        last = packed[-1]
        last.end = piece.end
        if last.symbol is None:
            last.symbol = piece.symbol
            last.unit = piece.unit
    return packed


def _joins(last: _Piece, piece: _Piece) -> bool:
    before, after = last.unit, piece.unit
    size, last_size = piece.end - last.start, last.end - last.start
    if "lead" in (before.role, after.role) or before.role == "head" or size > MAX_CHARS:
        return False
    nameless = last.symbol is None and last_size < (SMALL_CHARS if before.role == "comment" else _TINY_CHARS)
    if after.role == "head":
        return nameless and before.scope == after.scope
    if after.role == "comment" and last.symbol is not None:
        return False  # rather goes with what follows
    if before.group != after.group:
        trails_off = piece.symbol is None and piece.end - piece.start < _TINY_CHARS
        return trails_off and before.scope[: len(after.scope)] == after.scope
    if before.role != after.role and "import" in (before.role, after.role):
        return nameless and before.role in {"import", "comment"}
    if size <= TARGET_CHARS:
        return True
    small_before = last.symbol is None and last_size < SMALL_CHARS
    return small_before or (piece.symbol is None and piece.end - piece.start < SMALL_CHARS)


def _borders(root: Node, data: bytes, chars: CharOffsets, ranges: list[tuple[int, int]]) -> list[Border]:
    """Where statements and other nodes begin inside ``ranges`` (characters, ascending), deeper ones being worse."""
    starts = [start for start, _ in ranges]
    found: list[Border] = []
    stack = [(root, 0)]
    while stack:
        node, depth = stack.pop()
        children = node.children
        for before, child in pairwise(children):
            if not child.is_named:
                continue
            gap = data[max(0, before.end_byte - 1) : child.start_byte]
            badness = 2 * depth + (0 if b"\n" in gap else _MID_LINE)
            if before.type in COMMENTS and gap.count(b"\n") <= 1:
                badness += _BELOW_COMMENT if b"\n" in gap else 0
            found.append((chars.char(child.start_byte), badness))
        for child in children:
            if child.end_byte - child.start_byte > _NO_BORDERS_BYTES:
                index = bisect_left(starts, chars.char(child.end_byte)) - 1
                if index >= 0 and ranges[index][1] > chars.char(child.start_byte):
                    stack.append((child, depth + 1))
    found.sort()
    return found
