"""Configuration to documents: chunks follow keys and sections."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.contracts.documents import Chunk, Document
from assistant.reading.borders import cut, inside_word
from assistant.reading.dates import date_in_name
from assistant.reading.packing import MAX_CHARS, TARGET_CHARS, lines, trim
from assistant.reading.syntax import CharOffsets, node_text, parse

if TYPE_CHECKING:
    from tree_sitter import Node

    from assistant.reading.decoding import DecodedText

Trail = tuple[str, ...]

WHOLE_CHARS = TARGET_CHARS * 5 // 4
"""What is no longer than this is not taken apart."""

_TREE_LANGUAGES = frozenset({"json", "yaml", "toml"})
_MOST_LEVELS = 64  # of keys inside each other; what is deeper is cut anywhere
_MOST_KEY_CHARS = 80
_COLLECTIONS = frozenset(
    ["object", "array", "block_mapping", "flow_mapping", "block_sequence", "flow_sequence", "stream", "inline_table"]
)
_YAML_ENTRIES = frozenset({"block_mapping_pair", "block_sequence_item"})
_KEYS = frozenset({"bare_key", "quoted_key", "dotted_key"})
_BRACKETS = re.compile(r"[\s)\]},;]*")
_SECTION = re.compile(r"\[([^\]\n]{1,200})\]")
_KIND = re.compile(r"^kind:[ \t]*([\w.-]{1,60})[ \t]*$", re.MULTILINE)
_NAME = re.compile(r"^metadata:[ \t]*\n(?:[ \t]+[^\n]*\n){0,20}?[ \t]+name:[ \t]*([\w.-]{1,80})[ \t]*$", re.MULTILINE)
_OBJECT_HEAD_BYTES = 2000


@dataclass(frozen=True, slots=True)
class _Section:
    """A run of text under a trail of keys. ``keys`` are its own, the last ones of the trail; none for a list item."""

    start: int
    end: int
    parents: Trail
    keys: Trail
    is_item: bool = False


def read_config(path: str, decoded: DecodedText, language: str) -> Document | None:
    """The document of one configuration file; ``None`` when it has nothing but white space.

    JSON (with comments, or one value a line), YAML (several documents) and TOML are cut along their syntax trees;
    everything else is read as lines with optional ``[section]`` lines. Chunks have ``kind`` "config"; ``scope`` is
    the trail of keys that all of the chunk lies under. A group of list items has the trail, with dots, as ``header``.
    """
    text = decoded.text
    whole = trim(text, 0, len(text))
    if whole is None:
        return None
    if whole[1] - whole[0] <= TARGET_CHARS:
        chunks = [Chunk(*whole, "config", language=language)]
    else:
        sections = _sections_of_tree(text, language) if language in _TREE_LANGUAGES else None
        chunks = _chunks(text, _sections_of_lines(text) if sections is None else sections, language)
    if not chunks:  # brackets only
        chunks = [Chunk(start, end, "config", language=language) for start, end in cut(text, *whole, ())]
    return Document(
        text=text,
        offsets=decoded.offsets(),
        encoding=decoded.encoding,
        kind="config",
        modality="text",
        chunks=tuple(chunks),
        timestamp=date_in_name(path),
        language=language or None,
    )


def _chunks(text: str, sections: Iterable[_Section], language: str) -> list[Chunk]:
    chunks: list[Chunk] = []
    for start, end, section, is_single in _packed(text, sections):
        scope = section.parents + section.keys if is_single else section.parents
        header = ".".join(section.parents) if section.is_item else ""
        for first, last in cut(text, start, end, ()):
            chunks.append(Chunk(first, last, "config", scope, header, language=language))
            header = ".".join(scope)
    return chunks


def _packed(text: str, sections: Iterable[_Section]) -> Iterator[tuple[int, int, _Section, bool]]:
    """Trimmed runs of neighbouring sections with the same parents: start, end, the first one, whether it is alone."""
    run: tuple[int, int, _Section, bool] | None = None
    for section in sections:
        whole = trim(text, section.start, section.end)
        if whole is None or _BRACKETS.fullmatch(text, *whole):
            continue
        start, end = whole
        if run is not None:
            joined = run[2].parents == section.parents and end - run[0] <= TARGET_CHARS
            if joined or (inside_word(text, start) and run[1] == start):
                run = (run[0], end, run[2], False)
                continue
            yield run
        run = (start, end, section, True)
    if run is not None:
        yield run


def _sections_of_tree(text: str, language: str) -> list[_Section] | None:
    data = text.encode("utf-8")
    tree = parse(language, data)
    if tree is None:
        return None
    return _TreeSections(data).of(tree.root_node)


class _TreeSections:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._chars = CharOffsets(data)
        self._sections: list[_Section] = []

    def of(self, root: Node) -> list[_Section]:
        self._take_apart(root, 0, len(self._data), (), (), 0)
        return self._sections

    def _take_apart(self, node: Node, start: int, end: int, parents: Trail, keys: Trail, level: int) -> None:
        """Add the sections of bytes ``start .. end``, which hold ``node`` (the value of ``keys``)."""
        entries = []
        if self._size(start, end) > WHOLE_CHARS and level < _MOST_LEVELS:
            entries = _entries(_collection(node) if level else node)
        if not entries:
            self._sections.append(self._section(start, end, parents, keys))
            return
        trail = parents + keys
        starts = [start]  # ascending, up to ``end``: an outer entry may have claimed the comments inside this one's end
        starts += (min(end, max(start, self._with_comments_above(*entry))) for entry in entries[1:])
        starts.append(end)
        for index, (_, entry) in enumerate(entries):
            first, last = starts[index], starts[index + 1]
            if index + 1 == len(entries) and entry.end_byte < last and self._closes(entry.end_byte, last):
                last = entry.end_byte
            own_keys = self._keys(entry)
            if self._size(first, last) <= WHOLE_CHARS:
                self._sections.append(self._section(first, last, trail, own_keys))
            else:
                self._take_apart(entry, first, last, trail, own_keys, level + 1)

    def _with_comments_above(self, start: int, entry: Node) -> int:
        """``start`` moved up over comment lines of the entry's own indentation: the grammar of YAML gives them to
        whatever stands deeper before."""
        if entry.type not in _YAML_ENTRIES:
            return start
        line = self._data.rfind(b"\n", 0, start) + 1
        margin = self._data[line:start]
        if margin.strip():
            return start
        while line > 0:
            above = self._data.rfind(b"\n", 0, line - 1) + 1
            if not self._data.startswith(margin + b"#", above):
                break
            start, line = above + len(margin), above
        return start

    def _section(self, start: int, end: int, parents: Trail, keys: Trail) -> _Section:
        is_item = not keys and bool(parents)
        return _Section(self._chars.char(start), self._chars.char(end), parents, keys, is_item)

    def _size(self, start: int, end: int) -> int:
        return self._chars.char(end) - self._chars.char(start)

    def _closes(self, start: int, end: int) -> bool:
        return _BRACKETS.fullmatch(self._data[start:end].decode("utf-8", "replace")) is not None

    def _keys(self, entry: Node) -> Trail:
        key = entry.child_by_field_name("key")
        if key is None:
            key = next((child for child in entry.named_children[:2] if child.type in _KEYS), None)
        if key is not None:
            parts = _key_parts(key) if key.type == "dotted_key" else [key]
            return tuple(node_text(part, self._data).strip("\"' ")[:_MOST_KEY_CHARS] or '""' for part in parts)
        if entry.type == "document":
            head = self._data[entry.start_byte : entry.end_byte][:_OBJECT_HEAD_BYTES].decode("utf-8", "ignore")
            kind, name = _KIND.search(head), _NAME.search(head)
            return (f"{kind[1]} {name[1]}",) if kind and name else ()
        return ()


def _key_parts(key: Node) -> list[Node]:
    """The parts of a dotted key of TOML, which the grammar nests to the left."""
    parts: list[Node] = []
    stack = [key]
    while stack:
        node = stack.pop()
        if node.type == "dotted_key":
            stack.extend(reversed(node.named_children))
        else:
            parts.append(node)
    return parts


def _collection(node: Node) -> Node:
    """The mapping or list inside ``node``: down through values, or the largest child."""
    for _ in range(_MOST_LEVELS):
        if node.type in _COLLECTIONS or node.type in {"table", "table_array_element"}:
            return node
        inner = node.child_by_field_name("value")
        if inner is None:
            candidates = [child for child in node.named_children if child.type != "comment"]
            inner = max(candidates, key=lambda child: child.end_byte - child.start_byte, default=None)
        if inner is None:
            return node
        node = inner
    return node


def _entries(node: Node) -> list[tuple[int, Node]]:
    """The entries of a mapping, list, table or file, each with the byte it starts at, comments above it included.

    A file (or stream) that holds one value is looked through.
    """
    for _ in range(_MOST_LEVELS):
        found: list[tuple[int, Node]] = []
        comment, row = -1, -1
        for child in node.named_children:
            if child.type == "comment":
                if found and child.start_point.row == row:
                    continue  # at the end of the line of the entry before
                comment = child.start_byte if comment < 0 else comment
            elif child.type not in _KEYS:
                found.append((comment if comment >= 0 else child.start_byte, child))
                comment, row = -1, child.end_point.row
        single = len(found) == 1 and found[0][1].type not in {
            "pair",
            "table",
            "table_array_element",
            "block_mapping_pair",
        }
        if not single:
            return found
        node = _collection(found[0][1])
        if node == found[0][1] and node.type not in _COLLECTIONS:
            return found
    return []


def _sections_of_lines(text: str) -> list[_Section]:
    """Sections of an INI-like file; long ones as single entries (a key with its continuation lines and comments)."""
    sections: list[_Section] = []
    for start, end, name in _bracketed(text):
        keys = (name,) if name else ()
        if end - start <= WHOLE_CHARS:
            sections.append(_Section(start, end, (), keys))
            continue
        sections.extend(_Section(first, last, keys, ()) for first, last in _line_entries(text, start, end))
    return sections


def _bracketed(text: str) -> list[tuple[int, int, str]]:
    """Start, end and name of each ``[section]``, comments right above it included; the first one may have none."""
    found: list[tuple[int, str]] = [(0, "")]
    above = -1  # start of the run of comment lines right above
    last_end = 0
    for start, end in lines(text):
        blank_between = text.count("\n", last_end, start) > 1
        if text[start] in "#;":
            above = start if above < 0 or blank_between else above
        else:
            heading = _SECTION.match(text, start, end)
            if heading is not None:
                found.append((start if above < 0 or blank_between else above, heading[1].strip()[:_MOST_KEY_CHARS]))
            above = -1
        last_end = end
    ends = [start for start, _ in found[1:]] + [len(text)]
    return [(start, end, name) for (start, name), end in zip(found, ends, strict=True) if start < end]


def _line_entries(text: str, start: int, end: int) -> Sequence[tuple[int, int]]:
    """Runs of lines that belong together: comments with the key below, a key with indented or continued lines."""
    entries: list[tuple[int, int]] = []
    open_entry = False  # the last entry ends in a comment or a backslash
    last_end = start
    for first, last in lines(text, start, end):
        indented = first > start and text[first - 1] in " \t"
        blank_between = text.count("\n", last_end, first) > 1
        if entries and not blank_between and (open_entry or indented) and last - entries[-1][0] <= MAX_CHARS:
            entries[-1] = (entries[-1][0], last)
        else:
            entries.append((first, last))
        open_entry = text[first] in "#;[" or text[last - 1] == "\\"
        last_end = last
    return entries
