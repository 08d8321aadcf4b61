"""What imports what: the layers of ``pyproject.toml`` hold, and nothing heavy is loaded before it must be."""

from __future__ import annotations

import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import assistant

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {
    "numpy",
    "pydantic",
    "lmdb",
    "tantivy",
    "hnswlib",
    "onnx",
    "onnxruntime",
    "fastembed",
    "tokenizers",
    "tree_sitter",
    "dulwich",
    "yaml",
    "pathspec",
    "sqlite_utils",
    "ir_measures",
}


def loaded_by(code: str) -> set[str]:
    """Top-level modules in a fresh process after ``code``."""
    report = f"{code}\nimport sys; sys.stderr.write(' '.join({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stderr.split())


@pytest.mark.parametrize(
    "code",
    [
        "import assistant",
        "import assistant; assistant.__version__",
        "import assistant.__main__",
        "import assistant.cli.main",
        "from assistant.cli.main import run; run(['--help'])",
        "from assistant.cli.main import run; run(['--version'])",
        "import assistant.locations; assistant.locations.locate()",
        "import assistant.contracts.errors, assistant.contracts.documents, assistant.contracts.events",
    ],
)
def test_nothing_heavy_is_loaded_before_it_must_be(code: str) -> None:
    loaded = loaded_by(code)
    assert "assistant" in loaded
    assert loaded & HEAVY == set()


def test_help_of_a_command_loads_nothing_of_ours_but_the_command_line() -> None:
    loaded = loaded_by("from assistant.cli.main import run; run(['ask', '--help'])")
    assert loaded & HEAVY <= {"pydantic"}  # typer itself uses it to read arguments


def test_a_recall_against_a_running_process_loads_next_to_nothing() -> None:
    loaded = loaded_by("import assistant.__main__, assistant.cli.quick, assistant.reaching")
    assert loaded & (HEAVY | {"asyncio", "rich", "typer", "platformdirs", "subprocess", "logging"}) == set()


@pytest.mark.parametrize("module", ["assistant.client", "assistant.cli.work", "assistant.cli.background"])
def test_a_client_of_a_running_process_loads_no_memory(module: str) -> None:
    assert loaded_by(f"import {module}") & (HEAVY - {"pydantic"}) == set()


def test_models_and_grammars_are_loaded_when_they_are_needed() -> None:
    loaded = loaded_by("import assistant.app")
    assert loaded & {"onnx", "onnxruntime", "fastembed", "tokenizers", "dulwich"} == set()


def test_importing_the_package_reads_no_environment() -> None:
    loaded = loaded_by("import os; os.environ.clear(); import assistant, assistant.cli.main")
    assert "assistant" in loaded


def test_the_layers_hold() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout
    assert ", 0 broken" in done.stdout


def test_the_contract_on_layers_names_every_module() -> None:
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (layers,) = [contract for contract in tool["contracts"] if contract["type"] == "layers"]
    assert layers["exhaustive"] is True


@pytest.mark.parametrize("name", assistant.__all__)
def test_every_public_name_resolves(name: str) -> None:
    value = getattr(assistant, name)
    assert value is not None
    if name != "__version__":
        assert getattr(importlib.import_module(value.__module__), name) is value


def test_a_name_that_is_not_public() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        assistant.nonsense  # noqa: B018
