"""Terminals of all kinds, and outputs that are closed, full or of another alphabet."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

import pytest

from cli.commandline import PROGRAM, CommandLine, Said, Watched

RYE = "At what temperatures and for how long does the rye bread bake?"
CODE = "Which function computes the pause before the next attempt?"


def in_shell(line: CommandLine, script: str) -> Said:
    """``script`` with ``$A`` for the program. What the program itself ended with is in ``code``."""
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {script}"],
        capture_output=True,
        text=True,
        timeout=90,
        stdin=subprocess.DEVNULL,
        env=line.env({"A": PROGRAM}),
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)


def on_a_terminal(line: CommandLine, *arguments: str, **env: str) -> str:
    reader, writer = pty.openpty()
    process = subprocess.Popen(
        [PROGRAM, *arguments], stdin=subprocess.DEVNULL, stdout=writer, stderr=writer, env=line.env(env)
    )
    os.close(writer)
    shown = b""
    try:
        while block := os.read(reader, 4096):
            shown += block
    except OSError:  # the other end is closed
        pass
    os.close(reader)
    assert process.wait(60) in (0, 3)
    return shown.decode()


@pytest.mark.parametrize("reader", ["head -1", "true", "exec 0<&-"])
def test_whoever_reads_the_output_goes_away(golden: CommandLine, reader: str) -> None:
    for command in ("recall rye -k 50", "recall rye -k 50 --json", "--help"):
        said = in_shell(golden, f"$A {command} | ({reader})")
        assert said.ended(0).err == ""


@pytest.mark.parametrize("flags", ["", "--json"])
def test_an_output_that_is_full(golden: CommandLine, flags: str) -> None:
    said = in_shell(golden, f"$A recall rye {flags} >/dev/full")
    said.refused(6, "could not be written", "No space left")
    assert "ignored" not in said.err


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&-", "<&- >&- 2>&-"])
def test_streams_that_were_closed(golden: CommandLine, closed: str) -> None:
    assert in_shell(golden, f"$A recall rye {closed}").ended(0).err == ""


def test_an_error_with_nowhere_to_say_it(golden: CommandLine) -> None:
    assert in_shell(golden, "$A forget /nowhere <&- >&- 2>&-").code == 2


@pytest.mark.parametrize(
    "env",
    [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C"}, {"PYTHONIOENCODING": "cp1251"}],
)
def test_an_output_of_another_alphabet(golden: CommandLine, env: dict[str, str]) -> None:
    done = subprocess.run(
        [PROGRAM, "recall", "boiler pressure котёл", "-k", "20"],
        capture_output=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        env=golden.env(env),
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"boiler" in done.stdout


def test_json_for_an_output_of_another_alphabet(golden: CommandLine) -> None:
    said = golden("recall", "котёл", "--json", env={"PYTHONIOENCODING": "ascii"}).ended(0)
    assert said.out.isascii()
    assert said.json["items"]


def test_colours_and_links_are_for_terminals_that_can_show_them(golden: CommandLine) -> None:
    colourful = on_a_terminal(golden, "recall", "rye")
    assert "\x1b[36m" in colourful
    assert "\x1b]8;" in colourful
    assert "\x1b" not in golden.inside("recall", "rye").out
    assert "\x1b" not in on_a_terminal(golden, "recall", "rye", TERM="dumb")
    plain = on_a_terminal(golden, "ask", CODE, NO_COLOR="1")
    assert not {"\x1b[3", "\x1b[9"} & {plain[at : at + 3] for at in range(len(plain))}


@pytest.mark.parametrize("columns", ["0", "1", "40", "many"])
def test_narrow_terminals_are_written_to(golden: CommandLine, columns: str) -> None:
    assert "boiler" in "".join(
        on_a_terminal(golden, "recall", "boiler", "-k", "2", COLUMNS=columns, TERM="dumb").split()
    )
    assert "folder" in "".join(on_a_terminal(golden, "status", COLUMNS=columns, TERM="dumb").split()) or columns == "1"


def test_an_answer_with_code_is_whole_on_forty_columns(golden: CommandLine) -> None:
    wide = "".join(golden.inside("ask", CODE).ended(0).out.split())
    narrow = "".join(on_a_terminal(golden, "ask", CODE, COLUMNS="40", NO_COLOR="1", TERM="dumb").split())
    assert narrow == wide


def test_a_pipe_gets_whole_lines_whatever_columns_says(golden: CommandLine) -> None:
    assert str(golden.stage) in golden("status", env={"COLUMNS": "20"}).ended(0).out


def test_progress_is_shown_on_terminals_only(line: CommandLine) -> None:
    folder = line.stage / "[" / "b] \x1b[31m"
    folder.mkdir(parents=True)
    for number in range(70):
        (folder / f"{number}.md").write_text(f"The kettle of room {number} is red.\n")
    adding = Watched(line, "add", folder)
    adding.until("Learning meanings")
    said = adding.end().ended(0)
    assert "Reading" in said.err
    assert "\x1b[31m/" not in said.err
    assert "\x1b[?25h" in said.err  # the cursor is back
    assert line("add", folder).ended(0).err == ""


def test_paths_are_shown_relative_to_where_one_stands(golden: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(golden.stage)
    assert "] notes/recipes/rye-bread.md:" in golden.inside("ask", RYE).ended(0).out
    monkeypatch.chdir("/")
    assert str(golden.stage / "notes" / "recipes" / "rye-bread.md").lstrip("/") in golden.inside("ask", RYE).out


def test_a_current_folder_that_is_gone(golden: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    said = in_shell(golden, f"cd {tmp_path}/here && rmdir ../here && $A recall rye")
    said.refused(2, "The current folder is gone")
