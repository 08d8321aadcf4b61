"""The shape of the code: short modules, telling names, and docstrings where there is a contract."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "assistant"
MODULES = sorted(PACKAGE.rglob("*.py"))
MOST_LINES = 400
BANNED = {"utils", "util", "helpers", "helper", "manager", "common", "misc", "engine", "base"}
SELF_EVIDENT = {
    *("Clock", "DataError", "EmbeddingStarted", "Forgotten", "ItemMeta", "RecallHit", "RecallParameters"),
    *("RecallQuery", "RootStatus", "WrongUse"),
}
"""Their fields are documented where a name does not say all."""
CONTRACTS = [*(PACKAGE / "contracts").glob("*.py"), PACKAGE / "core" / "parameters.py"]


def named(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def test_the_modules_are_found() -> None:
    assert len(MODULES) > 80


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_modules_are_short_and_say_what_they_are(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= MOST_LINES
    assert not BANNED & {part.removesuffix(".py") for part in path.relative_to(PACKAGE).parts}
    tree = ast.parse(text)
    assert ast.get_docstring(tree)
    if path.name != "__init__.py":
        assert "from __future__ import annotations" in text


def _public(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")


def _silent(path: Path) -> list[str]:
    """Public classes and functions without a docstring, and methods of public classes that take arguments."""
    found = []
    for node in filter(_public, ast.parse(path.read_text()).body):
        assert isinstance(node, ast.FunctionDef | ast.ClassDef)
        found += [] if ast.get_docstring(node) else [node.name]
        methods = node.body if isinstance(node, ast.ClassDef) else []
        for method in methods:
            if isinstance(method, ast.FunctionDef) and _public(method) and len(method.args.args) > 1:
                found += [] if ast.get_docstring(method) else [f"{node.name}.{method.name}"]
    return found


@pytest.mark.parametrize("path", CONTRACTS, ids=named)
def test_contracts_are_documented(path: Path) -> None:
    assert sorted(set(_silent(path)) - SELF_EVIDENT) == []
