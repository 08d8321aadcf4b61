"""The outline of a source file: its definitions and statements in order, each with the trail of names it stands under.

Works in bytes of the UTF-8 form; no text is cut here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from assistant.reading.definitions import (
    COMMENTS,
    GROUPS,
    IMPORTS,
    PREFIXES,
    TRANSPARENT,
    TYPES,
    body_of,
    defines,
    defining,
    name_of,
    node_kinds,
)
from assistant.reading.packing import MAX_CHARS, SMALL_CHARS, TARGET_CHARS

if TYPE_CHECKING:
    from tree_sitter import Node

Role = Literal["lead", "import", "comment", "statement", "definition", "head"]
"""``lead``: the comment or docstring a file begins with; ``comment``: one that stands alone; ``head``: a type's
signature, docstring and fields."""

_MOST_LEVELS = 24  # of types and groups inside each other; what is deeper stays one unit
_MOST_SIGNATURE_CHARS = 200
_CONDITIONS = node_kinds(
    "identifier preproc_defined binary_expression unary_expression call_expression parenthesized_expression "
    "number_literal string_literal preproc_arg preproc_directive"
)


@dataclass(frozen=True, slots=True)
class Unit:
    """One definition or statement with its comments.

    ``start_byte .. end_byte`` reaches to the next unit, so that units leave nothing out; ``own_end_byte`` is where
    the unit's own node ends. ``group`` is the trail within which units may be packed together. ``signature`` is the
    line to repeat above later parts.
    """

    start_byte: int
    own_end_byte: int
    end_byte: int
    scope: tuple[str, ...]
    group: tuple[str, ...]
    role: Role
    symbol: str | None = None
    signature: str = ""


@dataclass(slots=True)
class _Member:
    """A node with the comments and attributes above it; ``node`` is ``None`` for comments that stand alone."""

    start: int
    end: int
    node: Node | None
    commented: bool = False
    owner: tuple[tuple[str, ...], str] | None = None  # outer scope and name of the type whose head this member took in


def outline(root: Node, data: bytes, module: str) -> list[Unit]:
    """Units of the whole tree, in order; empty when the file has nothing but white space."""
    return _Outline(data, module).units_of(root)


class _Outline:
    def __init__(self, data: bytes, module: str) -> None:
        self._data = data
        self._top = (module,) if module else ()
        self._units: list[Unit] = []

    def units_of(self, root: Node) -> list[Unit]:
        members = _members(root.children)
        if not members:
            return []
        members[0].start = 0
        self._part_lead(members)
        self._add_all(members, len(self._data), self._top, 0)
        return self._units

    def _part_lead(self, members: list[_Member]) -> None:
        """Set the comment above a file's first statement apart, unless it is the comment of a definition."""
        first = members[0]
        if first.node is None or not first.commented:
            return
        if first.node.type in IMPORTS or not defines(first.node, defining(first.node)):
            members.insert(0, _Member(first.start, first.node.start_byte, None))
            first.start, first.commented = first.node.start_byte, False

    def _add_all(self, members: list[_Member], end: int, scope: tuple[str, ...], level: int) -> None:
        leads = level == 0
        for index, member in enumerate(members):
            stop = members[index + 1].start if index + 1 < len(members) else end
            self._add(member, stop, scope, level, leads=leads)
            leads = leads and member.node is None

    def _add(self, member: _Member, stop: int, scope: tuple[str, ...], level: int, *, leads: bool) -> None:
        node = member.node
        if node is None:
            role: Role = "lead" if leads else "comment"
            self._units.append(Unit(member.start, member.end, stop, scope, scope, role))
            return
        if node.type in IMPORTS:
            self._units.append(Unit(member.start, node.end_byte, stop, scope, scope, "import"))
            return
        definer = defining(node)
        if level < _MOST_LEVELS and self._add_members(member, node, definer, stop, scope, level):
            return
        owners, name = name_of(node, definer, self._data) if defines(node, definer) else ((), None)
        role = "definition" if name else "lead" if leads and _is_string(node) else "statement"
        trail = (*scope, *owners)
        unit = Unit(member.start, node.end_byte, stop, trail, trail, role, name, self._signature(node, definer))
        if member.owner:
            unit = replace(unit, scope=member.owner[0], symbol=member.owner[1], role="definition")
        self._units.append(unit)

    def _add_members(
        self, member: _Member, node: Node, definer: Node, stop: int, scope: tuple[str, ...], level: int
    ) -> bool:
        """Add what stands inside a type, a group, or a long function with functions inside; false when nothing of
        the kind is there, and then nothing is added."""
        kind = definer.type
        if kind in TRANSPARENT:
            inner = _members(child for child in definer.children if kind == "ERROR" or child.type not in _CONDITIONS)
            if not inner:
                return False
            inner[0].start, inner[0].owner = member.start, member.owner
            inner[0].commented |= member.commented
            self._add_all(inner, stop, scope, level + 1)
            return True
        named = kind in TYPES or kind in GROUPS
        if kind in TYPES and node.end_byte - member.start <= TARGET_CHARS:
            return False
        if named:
            body = body_of(definer)
        else:
            body = _body_with_definitions(definer) if node.end_byte - member.start > MAX_CHARS else None
        if body is None:
            return False
        inner = _members(body.children)
        first = next((index for index, each in enumerate(inner) if _is_definition(each)), None)
        if first is None:
            return False
        owners, name = name_of(node, definer, self._data) if named or defines(node, definer) else ((), None)
        outer = (*scope, *owners)
        trail = (*outer, name) if name else outer
        head = inner[first]
        bare = first == 0 and not member.commented and head.start - member.start <= SMALL_CHARS
        if bare and named:
            if kind in TYPES and name and head.end - member.start <= MAX_CHARS:
                head.owner = (outer, name)
            if member.owner:
                head.owner = member.owner
            head.start = member.start
        else:
            symbol = None if kind in {"impl_item", "extension_definition", "media_statement"} else name
            role: Role = "head" if named or symbol else "statement"
            unit = Unit(
                member.start, head.start, head.start, outer, trail, role, symbol, self._signature(node, definer)
            )
            if member.owner:
                unit = replace(unit, scope=member.owner[0], symbol=member.owner[1])
            self._units.append(unit)
        self._add_all(inner[first:], stop, trail, level + 1)
        return True

    def _signature(self, node: Node, definer: Node) -> str:
        """A definition up to its body, or the first line of a statement, on one line."""
        start = definer.start_byte if node.type == "decorated_definition" else node.start_byte
        body = body_of(definer)
        if body is None:
            line = self._data.find(b"\n", start, node.end_byte)
            stop = line if line >= 0 else node.end_byte
        else:
            comments = [child.start_byte for child in definer.children if child.type in COMMENTS]
            stop = min([body.start_byte, *(comment for comment in comments if comment > start)])
        head = self._data[start : min(stop, start + 4 * _MOST_SIGNATURE_CHARS)].decode("utf-8", "ignore")
        return " ".join(head.split())[:_MOST_SIGNATURE_CHARS].rstrip(" {:=")


def _members(nodes: Iterable[Node]) -> list[_Member]:
    """Join comments and attributes to the node right below them, and to the node before what goes on in its line."""
    members: list[_Member] = []
    start, row, commented = -1, -9, False  # of the comments and attributes not yet joined to a node, and their last row
    last_row = -1
    end = 0
    for node in nodes:
        kind = node.type
        first_row = node.start_point.row
        end_row, end_column = node.end_point
        if kind in COMMENTS or kind in PREFIXES:
            if start < 0 and first_row == last_row and members and kind in COMMENTS:
                members[-1].end = node.end_byte  # at the end of the line of a statement
            else:
                if start >= 0 and first_row > row + 1:
                    members.append(_Member(start, end, None))
                    start = -1
                if start < 0:
                    start, commented = node.start_byte, False
                commented |= kind in COMMENTS
                row, end = end_row - (end_column == 0), node.end_byte
        elif not node.is_named:
            last_row = end_row
            continue
        elif first_row == last_row and members and start < 0 and not _is_separate(node):
            members[-1].end = node.end_byte
        else:
            member = _Member(node.start_byte, node.end_byte, node)
            if start >= 0:
                if first_row <= row + 1:
                    member.start, member.commented = start, commented
                else:
                    members.append(_Member(start, end, None))
                start = -1
            members.append(member)
        last_row = end_row - (end_column == 0)
    if start >= 0:
        members.append(_Member(start, end, None))
    return members


def _is_separate(node: Node) -> bool:
    """Whether a node begins a unit even in the middle of a line."""
    definer = defining(node)
    return defines(node, definer) or definer.type in GROUPS or definer.type in TRANSPARENT


def _is_definition(member: _Member) -> bool:
    return member.node is not None and _is_separate(member.node)


def _body_with_definitions(node: Node) -> Node | None:
    """The block inside ``node`` whose statements define something, found by going down to the largest child."""
    for _ in range(64):
        children = node.named_children
        if any(_is_separate(child) and child.type != "ERROR" for child in children):
            return node
        largest = max(children, key=lambda child: child.end_byte - child.start_byte, default=None)
        if largest is None or (largest.end_byte - largest.start_byte) * 2 < node.end_byte - node.start_byte:
            return None
        node = largest
    return None


def _is_string(node: Node) -> bool:
    return (
        node.type == "expression_statement" and node.named_child_count == 1 and node.named_children[0].type == "string"
    )
