"""Nothing reports home: the inference library would, unless told not to before it is imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

LOADS = """
import assistant.inference.registry, assistant.inference.sessions, assistant.inference.compiling
import onnxruntime, fastembed
"""


def left_behind(home: Path, code: str) -> list[str]:
    """Files that appear in the home and the temporary folder of a process that runs ``code``."""
    temporary = home / "tmp"
    temporary.mkdir(parents=True)
    keep = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    environment = {**keep, "HOME": str(home), "TMPDIR": str(temporary), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, timeout=100)
    return sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file() or path.is_socket())


def test_loading_models_leaves_no_telemetry(tmp_path: Path) -> None:
    assert left_behind(tmp_path / "home", LOADS) == []


def test_the_check_above_can_fail(tmp_path: Path) -> None:
    found = left_behind(tmp_path / "home", "import onnxruntime")
    if not found:
        pytest.skip("this onnxruntime keeps no telemetry")
    assert any("onnxruntime" in name or ".ses" in name for name in found)
