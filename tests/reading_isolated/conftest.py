"""The command line with a memory that remembers nothing yet, and no model: words are enough here."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.commandline import CommandLine


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    home, stage = tmp_path / "home", tmp_path / "stage"
    home.mkdir()
    stage.mkdir()
    monkeypatch.setenv("ASSISTANT_HOME", str(home))
    monkeypatch.chdir(tmp_path)
    return CommandLine(home, stage, capsys)
