"""Jupyter notebooks to documents: the text of the cells, with a way back into the JSON strings that hold it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from assistant.contracts.documents import Chunk, Document
from assistant.core.offsets import TextPiece
from assistant.reading.code import code_chunks
from assistant.reading.dates import date_in_name
from assistant.reading.decoding import PIECE_CHARS
from assistant.reading.layout import Block, Trail, chunks_of, units
from assistant.reading.markdown import plain_words
from assistant.reading.packing import lines, pack
from assistant.reading.scripts import natural_language
from assistant.reading.syntax import CharOffsets, node_text, parse

if TYPE_CHECKING:
    from tree_sitter import Node

    from assistant.reading.decoding import DecodedText

MOST_OUTPUT_CHARS = 2000
"""What is read of each output."""

_BETWEEN_CELLS = "\n\n"
_TOKEN = re.compile(
    r"(?P<skip>\\u001[bB]\[[0-9;]*[A-Za-z])"  # colours of a terminal
    r"|(?P<image>data:image/[\w.+-]{1,40};base64,[A-Za-z0-9+/=]{100,})"
    r"|(?P<pair>\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    r"|(?P<unit>\\u[0-9a-fA-F]{4})"
    r"|\\(?P<sign>.)",
    re.DOTALL,
)
_SIGNS = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(\S[^\n]*?)[ \t#]*(?:\n|\Z)")
_FENCE = re.compile(r" {0,3}(```|~~~)")
_CELL_MAGIC = re.compile(r"%%(bash|sh|sql|javascript|js|ruby|perl)\b")
_LANGUAGES = {"ipython": "python", "python3": "python", "c#": "c_sharp", "sh": "bash", "js": "javascript"}


def read_notebook(path: str, decoded: DecodedText, language: str | None = None) -> Document | None:
    """The document of one ``.ipynb`` file (format 3 or 4); ``None`` when no cell holds text.

    Markdown cells become "prose" chunks below their headings, which also are the scope of the code cells after them;
    code cells become "code" chunks as in :mod:`assistant.reading.code`. Text outputs follow their cell as "code"
    without a language, ``MOST_OUTPUT_CHARS`` each; pictures are left out and counted in ``notes``. No chunk reaches
    from one cell into another. Raises ``ValueError`` when it is no valid JSON or has no cells. ``language`` is not
    used.
    """
    del language
    data = decoded.text.encode("utf-8")
    tree = parse("json", data)
    if tree is None or tree.root_node.has_error:
        raise ValueError("not valid JSON")
    return _Notebook(decoded, data).read(path, tree.root_node)


class _Notebook:
    def __init__(self, decoded: DecodedText, data: bytes) -> None:
        self._decoded = decoded
        self._data = data
        self._source = _SourceStrings(decoded, CharOffsets(data))
        self._chunks: list[Chunk] = []
        self._trail = Trail()
        self._title: str | None = None
        self._prose: list[str] = []
        self._images = 0
        self._cut_outputs = 0

    def read(self, path: str, root: Node) -> Document | None:
        top = next((child for child in root.named_children if child.type == "object"), None)
        fields = self._fields(top)
        cells = self._cells(fields)
        if cells is None:
            raise ValueError("no cells: not a notebook")
        language = self._language(fields)
        for cell in cells:
            self._add_cell(self._fields(cell), language)
        if not self._chunks:
            return None
        text, raw_text, pieces = self._source.result()
        return Document(
            text=text,
            offsets=self._decoded.offsets_of(raw_text, pieces),
            encoding=self._decoded.encoding,
            kind="notebook",
            modality="text",
            chunks=tuple(self._chunks),
            language=natural_language("\n".join(self._prose)) if self._prose else None,
            title=self._title,
            timestamp=date_in_name(path),
            notes=self._notes(),
        )

    def _cells(self, fields: dict[str, Node]) -> list[Node] | None:
        if "cells" in fields:
            return [cell for cell in fields["cells"].named_children if cell.type == "object"]
        sheets = fields.get("worksheets")  # format 3
        if sheets is None:
            return None
        found = [self._fields(sheet).get("cells") for sheet in sheets.named_children]
        return [cell for cells in found if cells for cell in cells.named_children if cell.type == "object"]

    def _fields(self, node: Node | None) -> dict[str, Node]:
        """The values of an object by key; the last one counts, as in other readers of JSON."""
        fields = {}
        for pair in node.named_children if node is not None and node.type == "object" else ():
            key, value = pair.child_by_field_name("key"), pair.child_by_field_name("value")
            if key is not None and value is not None:
                fields[node_text(key, self._data)[1:-1]] = value
        return fields

    def _word(self, node: Node | None) -> str:
        return node_text(node, self._data)[1:-1] if node is not None and node.type == "string" else ""

    def _language(self, fields: dict[str, Node]) -> str:
        metadata = self._fields(fields.get("metadata"))
        named = self._word(self._fields(metadata.get("language_info")).get("name"))
        named = named or self._word(self._fields(metadata.get("kernelspec")).get("language")) or "python"
        named = named.lower()
        return "cpp" if named.startswith("c++") else _LANGUAGES.get(named, named)

    def _add_cell(self, cell: dict[str, Node], language: str) -> None:
        kind = self._word(cell.get("cell_type"))
        start, text = self._source.add(cell.get("source") or cell.get("input"))
        if kind == "code":
            magic = _CELL_MAGIC.match(text)
            own_language = _LANGUAGES.get(magic[1], magic[1]) if magic else language
            for chunk in code_chunks(text, own_language, ""):
                self._add(replace(chunk, scope=self._trail.names + chunk.scope), start)
            outputs = cell.get("outputs")
            for output in outputs.named_children if outputs is not None else ():
                self._add_output(self._fields(output))
        elif kind == "markdown":
            self._prose.append(text)
            for chunk in chunks_of(text, self._blocks(text)):
                self._add(chunk, start)
            self._images += len(self._fields(cell.get("attachments")))
        elif kind == "heading":  # format 3
            level = self._data[cell["level"].start_byte :][:1] if "level" in cell else b"1"
            self._trail.enter(int(level) if level.isdigit() else 1, text)
            self._add_lines(text, start, "prose")
        else:
            self._add_lines(text, start, "prose")

    def _blocks(self, text: str) -> Iterator[Block]:
        """Headings and, between them, units of prose; headings inside a fence are none."""
        at, line = 0, 0
        fence = ""
        while line < len(text):
            stop = text.find("\n", line) + 1 or len(text)
            mark = _FENCE.match(text, line, stop)
            heading = None if fence else _HEADING.match(text, line, stop)
            if mark and fence in ("", mark[1]):
                fence = "" if fence else mark[1]
            elif heading:
                for part in units(text, at, line):
                    yield Block(*part, scope=self._trail.names)
                title = plain_words(heading[2])
                self._title = self._title or title or None
                yield Block(line, stop, scope=self._trail.enter(len(heading[1]), title), heading=len(heading[1]))
                at = stop
            line = stop
        for part in units(text, at, len(text)):
            yield Block(*part, scope=self._trail.names)

    def _add_output(self, output: dict[str, Node]) -> None:
        shown = self._fields(output.get("data")) or output  # format 3 has the types in the output itself
        pictures = [key for key in shown if key.startswith("image/") or key in {"png", "jpeg", "svg"}]
        self._images += len(pictures)
        written = output.get("text") or shown.get("text/plain")
        if written is None or pictures:  # words for a picture say nothing of it
            return
        start, text = self._source.add(written, MOST_OUTPUT_CHARS)
        self._cut_outputs += self._source.was_cut
        self._add_lines(text, start, "code")

    def _add_lines(self, text: str, start: int, kind: str) -> None:
        for first, last in pack(text, lines(text)):
            self._add(Chunk(first, last, "code" if kind == "code" else "prose", self._trail.names), start)

    def _add(self, chunk: Chunk, start: int) -> None:
        self._chunks.append(replace(chunk, start=start + chunk.start, end=start + chunk.end))

    def _notes(self) -> tuple[str, ...]:
        notes = []
        images = self._images + self._source.images
        if images:
            notes.append(f"{images} picture{'s' if images > 1 else ''} left out")
        if self._cut_outputs:
            notes.append(f"{self._cut_outputs} long output{'s' if self._cut_outputs > 1 else ''} cut short")
        return tuple(notes)


class _SourceStrings:
    """Decodes JSON strings and joins them to one text, remembering where each run stands in the source."""

    def __init__(self, decoded: DecodedText, chars: CharOffsets) -> None:
        self._decoded = decoded
        self._chars = chars
        self._source_pieces = decoded.pieces()
        self._source_starts = [piece.start for piece in self._source_pieces]
        self._errors = "surrogateescape" if decoded.encoding == "utf-8" else "strict"
        self._parts: list[str] = []
        self._raw_parts: list[str] = []
        self._pieces: list[TextPiece] = []
        self._size = 0
        self.images = 0
        self.was_cut = False

    def result(self) -> tuple[str, str, list[TextPiece]]:
        return "".join(self._parts), "".join(self._raw_parts), self._pieces

    def add(self, node: Node | None, most_chars: int | None = None) -> tuple[int, str]:
        """Append a string, or the strings of an array; returns where it starts and what it is, decoded.

        Stops after ``most_chars``; ``was_cut`` then is true.
        """
        if self._size:
            self._append(_BETWEEN_CELLS, _BETWEEN_CELLS)
        start, first = self._size, len(self._parts)
        self.was_cut = False
        strings = [] if node is None else [node] if node.type == "string" else node.named_children
        stop = None if most_chars is None else start + most_chars
        for string in strings:
            if string.type == "string" and not self.was_cut:
                self._add_string(self._chars.char(string.start_byte) + 1, self._chars.char(string.end_byte) - 1, stop)
        return start, "".join(self._parts[first:])

    def _append(self, text: str, raw_text: str) -> None:
        self._parts.append(text)
        self._raw_parts.append(raw_text)
        self._size += len(text)

    def _add_string(self, start: int, end: int, stop: int | None) -> None:
        byte = self._byte(start)
        at = start
        for token in _TOKEN.finditer(self._decoded.text, start, end):
            byte = self._add_run(at, token.start(), byte, stop)
            if stop is not None and self._size >= stop:
                self.was_cut = True
                return
            after = byte + self._bytes(token.start(), token.end())
            sign = _decoded_token(token)
            self.images += token["image"] is not None
            if sign:
                self._pieces.append(TextPiece(self._size, self._size + 1, byte, after, exact=False))
                self._append(sign, sign)
            at, byte = token.end(), after
        self._add_run(at, end, byte, stop)
        self.was_cut = stop is not None and self._size >= stop

    def _add_run(self, start: int, end: int, byte: int, stop: int | None) -> int:
        """Append characters that stand for themselves; returns the byte after ``end``."""
        last = end if stop is None else min(end, start + max(0, stop - self._size))
        for at in range(start, last, PIECE_CHARS):
            to = min(at + PIECE_CHARS, last)
            after = byte + self._bytes(at, to)
            self._pieces.append(TextPiece(self._size, self._size + to - at, byte, after))
            self._append(self._decoded.text[at:to], self._decoded.raw_text[at:to])
            byte = after
        return byte

    def _bytes(self, start: int, end: int) -> int:
        return len(self._decoded.raw_text[start:end].encode(self._decoded.encoding, self._errors))

    def _byte(self, char: int) -> int:
        piece = self._source_pieces[bisect_right(self._source_starts, char) - 1]
        return piece.start_byte + self._bytes(piece.start, char)


def _decoded_token(token: re.Match[str]) -> str:
    """The one character an escape stands for; ``""`` for what is left out."""
    if token["skip"] is not None or token["image"] is not None:
        return ""
    if token["pair"] is not None:
        high, low = int(token["pair"][2:6], 16), int(token["pair"][8:], 16)
        return chr(0x10000 + ((high & 0x3FF) << 10) + (low & 0x3FF))
    if token["unit"] is not None:
        code = int(token["unit"][2:], 16)
        return "\ufffd" if code == 0 or 0xD800 <= code <= 0xDFFF else chr(code)
    return _SIGNS.get(token["sign"], token["sign"])
