"""What the nodes of a syntax tree define, over all grammars at once: node names hardly ever clash."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from assistant.reading.syntax import node_text

if TYPE_CHECKING:
    from tree_sitter import Node

MOST_NAME_CHARS = 80


def node_kinds(joined: str) -> frozenset[str]:
    """Names of node kinds that stand with spaces between."""
    return frozenset(joined.split())


COMMENTS = frozenset({"comment", "line_comment", "block_comment", "js_comment", "marginalia", "multiline_comment"})

PREFIXES = frozenset({"attribute_item", "inner_attribute_item", "decorator", "attribute_list", "access_specifier"})
"""Nodes that belong with the node after them."""

IMPORTS = node_kinds(
    "import import_statement import_from_statement future_import_statement import_declaration "
    "import_list use_declaration extern_crate_declaration preproc_include using_directive package_clause "
    "package_declaration package_header namespace_use_declaration file_scoped_namespace_declaration "
    "php_tag declare_statement charset_statement"
)

FUNCTIONS = node_kinds(
    "function_definition function_declaration function_item function_signature_item function_signature "
    "generator_function_declaration method_definition method_declaration method_signature abstract_method_signature "
    "constructor_declaration compact_constructor_declaration destructor_declaration operator_declaration "
    "conversion_operator_declaration secondary_constructor method singleton_method local_function_statement "
    "macro_definition preproc_function_def given_definition type_alias type_alias_declaration type_item "
    "alias_declaration create_function create_procedure create_trigger create_table create_view "
    "create_materialized_view create_index "
    "create_type create_schema create_sequence create_database create_role rule_set delegate_declaration "
    "concept_definition annotation_type_element_declaration"
)

TYPES = node_kinds(
    "class_definition class_declaration abstract_class_declaration class_specifier struct_specifier union_specifier "
    "enum_specifier interface_declaration enum_declaration enum_definition enum_item struct_item union_item "
    "record_declaration struct_declaration annotation_type_declaration trait_declaration trait_definition trait_item "
    "object_declaration object_definition package_object class singleton_class protocol_declaration"
)
"""They define a name and may hold members."""

GROUPS = node_kinds(
    "impl_item mod_item foreign_mod_item module internal_module namespace_definition namespace_declaration "
    "companion_object extension_definition media_statement supports_statement"
)
"""They hold members under a name that they do not define (or that many places share)."""

TRANSPARENT = node_kinds(
    "preproc_ifdef preproc_if preproc_else preproc_elif preproc_elifdef linkage_specification ERROR"
)
"""Their members stand where they stand."""

BODIES = node_kinds(
    "class_body enum_class_body template_body declaration_list field_declaration_list body_statement block "
    "statement_block interface_body object_type enum_body"
)

_WRAPPERS = node_kinds(
    "export_statement decorated_definition template_declaration statement ambient_declaration expression_statement "
    "type_definition type_declaration declaration variable_declaration lexical_declaration field_definition "
    "public_field_definition assignment_statement assignment_expression"
)
_FUNCTION_VALUES = node_kinds(
    "arrow_function function_expression generator_function function function_definition class class_expression"
)
_ANY_TYPE = FUNCTIONS | TYPES | GROUPS
_GO_RECEIVER = re.compile(r"([^\W\d]\w*)\s*(?:\[[^]]*\]\s*)?,?\s*\)$")
_GENERICS = re.compile(r"[<(\[].*", re.DOTALL)
_ARGUMENTS = re.compile(r"<[^<>]*>")
_QUALIFIED = node_kinds(
    "qualified_identifier nested_identifier member_expression dot_index_expression method_index_expression "
    "scope_resolution object_reference variable_list nested_namespace_specifier"
)
_NAME_PARTS = re.compile(r"::|\.|:")
_NO_OWNERS = frozenset({"prototype", "module", "exports", "window", "globalThis", "this", "self"})
_QUOTES = "\"'`"


def defining(node: Node) -> Node:
    """The node inside ``node`` (an export, a decoration, a template, an assignment of a function ...) that defines
    something; ``node`` itself when there is nothing to look through."""
    for _ in range(6):
        if node.type not in _WRAPPERS:
            return node
        inner = _inside(node)
        if inner is None:
            return node
        node = inner
    return node


def _inside(node: Node) -> Node | None:
    kind = node.type
    if kind in {"lexical_declaration", "variable_declaration"}:
        return _function_variable(node)
    if kind in {"assignment_expression", "field_definition", "public_field_definition"}:
        value = node.child_by_field_name("right") or node.child_by_field_name("value")
        return None if value is None or value.type not in _FUNCTION_VALUES else value
    if kind in {"type_definition", "declaration"}:
        declared = node.child_by_field_name("type")
        holds = declared is not None and declared.type in TYPES and declared.child_by_field_name("body") is not None
        return declared if holds else None
    for child in node.named_children:
        if child.type in _ANY_TYPE or child.type in _WRAPPERS or child.type == "type_spec":
            return child
        if kind == "export_statement" and child.type in _FUNCTION_VALUES:
            return child
        if child.type == "expression_list" and child.named_child_count == 1:
            value = child.named_children[0]
            return value if value.type in _FUNCTION_VALUES else None
    return None


def _function_variable(node: Node) -> Node | None:
    for child in node.named_children:
        if child.type == "variable_declarator":
            value = child.child_by_field_name("value")
            if value is not None and value.type in _FUNCTION_VALUES:
                return value
        elif child.type == "assignment_statement":
            return child
    return None


def defines(node: Node, definer: Node) -> bool:
    """Whether ``node`` with its :func:`defining` node defines a function or a type."""
    kind = definer.type
    if kind in FUNCTIONS or kind in TYPES:
        return kind not in {"class_specifier", "struct_specifier", "union_specifier", "enum_specifier"} or (
            definer.child_by_field_name("body") is not None
        )
    return kind == "type_spec" or (definer is not node and kind in _FUNCTION_VALUES)


def body_of(node: Node) -> Node | None:
    """The node that holds the members of a type or a group."""
    body = node.child_by_field_name("body")
    if body is not None:
        return body
    for child in node.named_children:
        if child.type in BODIES:
            return child
    return None


def name_of(node: Node, definer: Node, data: bytes) -> tuple[tuple[str, ...], str | None]:
    """The name a definition gives, and what stands before it: ``Circle::area`` is ``(("Circle",), "area")``, and so is
    Go's ``func (c *Circle) area``. ``((), None)`` when there is none."""
    kind = definer.type
    if kind == "rule_set":
        return (), _short(_first(definer, "selectors"), data)
    if kind in {"media_statement", "supports_statement"}:
        body = body_of(definer)
        head = data[definer.start_byte : body.start_byte if body else definer.end_byte][:400]
        return (), _shorten(head.decode("utf-8", "ignore"))
    if kind == "impl_item":
        named = definer.child_by_field_name("type")
        return (), _GENERICS.sub("", _short(named, data) or "") or None
    if kind == "companion_object":
        return (), _short(definer.child_by_field_name("name"), data) or "companion"
    named = _name_node(node, definer)
    if named is None:
        return (), None
    text = node_text(named, data)
    if "operator" not in text:
        text = _ARGUMENTS.sub("", text)
    if kind in GROUPS:
        return (), _shorten(text.strip(_QUOTES)) or None
    receiver = definer.child_by_field_name("receiver") if kind == "method_declaration" else None
    if receiver is not None:
        found = _GO_RECEIVER.search(node_text(receiver, data))
        return ((found[1],) if found else ()), _shorten(text)
    parts = _NAME_PARTS.split(text) if named.type in _QUALIFIED else [text]
    parts = [name for part in parts if (name := _shorten(part.strip(_QUOTES)))]
    if not parts:
        return (), None
    return tuple(part for part in parts[:-1] if part not in _NO_OWNERS), parts[-1]


def _name_node(node: Node, definer: Node) -> Node | None:
    kind = definer.type
    if kind in {"operator_declaration", "conversion_operator_declaration"}:
        return None
    named = definer.child_by_field_name("name")
    if node.type == "type_definition":
        return node.child_by_field_name("declarator") or named
    declarator = definer.child_by_field_name("declarator")
    if named is None and declarator is not None:
        return _declared(declarator)
    if kind in _FUNCTION_VALUES and (named is None or kind == "function_expression"):
        return _assigned_name(node, definer) or named
    if named is not None:
        return named
    if kind.startswith("create_"):
        return _first(definer, "identifier" if kind == "create_index" else "object_reference")
    return _first(definer, "identifier") or _first(definer, "type_identifier")


def _declared(declarator: Node) -> Node:
    """The name in a C or C++ declarator (pointers, references and parameters around it)."""
    for _ in range(32):
        inner = declarator.child_by_field_name("declarator")
        if inner is None and declarator.type in {"reference_declarator", "parenthesized_declarator"}:
            inner = declarator.named_children[0] if declarator.named_children else None
        if inner is None:
            return declarator
        declarator = inner
    return declarator


def _assigned_name(node: Node, value: Node) -> Node | None:
    """The variable, member or field that ``value`` is assigned to, somewhere inside ``node``."""
    for _ in range(8):
        for child in node.named_children:
            if child.start_byte <= value.start_byte and value.end_byte <= child.end_byte:
                break
        else:
            return None
        named = (
            node.child_by_field_name("left")
            or node.child_by_field_name("name")
            or node.child_by_field_name("property")
            or _first(node, "variable_list")
        )
        if named is not None and named.end_byte <= value.start_byte:
            return named
        if child == value:
            return value.child_by_field_name("name")
        node = child
    return None


def _first(node: Node, kind: str) -> Node | None:
    return next((child for child in node.named_children if child.type == kind), None)


def _short(node: Node | None, data: bytes) -> str | None:
    return None if node is None else _shorten(node_text(node, data)) or None


def _shorten(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= MOST_NAME_CHARS else words[: MOST_NAME_CHARS - 1].rstrip() + "…"
