"""One compiled model for the whole run, one remembered sample home, and a fresh memory for each test."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli.commandline import GOLDEN, LIMIT_S, CommandLine


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whichever test is the first to want the sample home waits until it is remembered: minutes, when the computer is
    busy. A command that hangs is ended before that."""
    for item in items:
        if "golden" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(3 * LIMIT_S))


@contextmanager
def _alone(folder: Path) -> Iterator[Path]:
    """One worker at a time in this folder."""
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this run see."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


@pytest.fixture(scope="session")
def models(shared: Path) -> Path:
    """The folder with the compiled default model."""
    with _alone(shared / "model") as folder:
        line = CommandLine(folder / "home", folder / "stage")
        installed = folder / "home" / "data" / "models"
        if not installed.exists():
            line("models", "install").ended(0)
    return installed


def fresh_home(home: Path, models: Path) -> Path:
    (home / "data").mkdir(parents=True)
    (home / "data" / "models").symlink_to(models)
    return home


@pytest.fixture(scope="session")
def _remembered(shared: Path, models: Path, tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    with _alone(shared / "remembered") as folder:
        line = CommandLine(folder / "home", folder / "documents")
        if not line.stage.exists():
            shutil.copytree(GOLDEN / "home", line.stage)
            fresh_home(line.home, models)
        if not (folder / "complete").exists():  # begun by nobody, or by a worker whose time was up
            line("add", line.stage).ended(0)
            (folder / "complete").touch()
    own = tmp_path_factory.mktemp("asking") / "home"
    shutil.copytree(line.home, own, symlinks=True)
    return CommandLine(own, line.stage)


@pytest.fixture
def golden(
    _remembered: CommandLine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandLine:
    """The sample home, remembered. To be asked, not changed."""
    monkeypatch.setenv("ASSISTANT_HOME", str(_remembered.home))
    return CommandLine(_remembered.home, _remembered.stage, capsys)


@pytest.fixture
def line(
    tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandLine:
    """A memory that remembers nothing yet, and an empty stage."""
    home, stage = tmp_path / "home", tmp_path / "stage"
    fresh_home(home, models)
    stage.mkdir()
    monkeypatch.setenv("ASSISTANT_HOME", str(home))
    monkeypatch.chdir(tmp_path)
    return CommandLine(home, stage, capsys)
