"""Folders with hostile things in them: every other document is still read, and nothing steers the terminal."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from cli.commandline import CommandLine, assert_stands_there


def problems(line: CommandLine) -> dict[str, str]:
    found = line.inside("status", "--problems", "--json").ended(0).json["problems"]
    return {Path(one["path"]).name: one["reason"] for one in found}


def add(line: CommandLine) -> None:
    line.inside("add", line.stage, "--no-wait").ended(0)
    line.inside("check").ended(0)


def test_binary_and_empty_files(line: CommandLine) -> None:
    line.furnish()
    line.write("empty.md", "")
    line.write("blank.md", " \n\n")
    line.write("noise.md", bytes(range(256)) * 100)
    line.write("photo.txt", b"\x89PNG\r\n\x1a\n" + bytes(5000))
    line.write("zeros.txt", bytes(10_000))
    add(line)
    assert line.inside("status", "--json").json["items"] == 3
    assert line.hits("boiler")


def test_text_that_is_not_utf_8(line: CommandLine) -> None:
    line.write("latin.txt", "Der Kessel hat 1,4 bar, sagt Jürgen aus Köln über die Heizung.\n".encode("latin-1") * 3)
    line.write("broken.txt", b"The kettle is red.\n\xff\xfe\xfa\nThe ladder is blue.\n")
    line.write("utf16.txt", "The ferry leaves at nine.\n".encode("utf-16"))
    add(line)
    for query in ("Kessel Heizung", "kettle red", "ferry leaves"):
        assert_stands_there(line.hits(query)[0]["cite"])


def test_one_line_of_two_hundred_megabytes(line: CommandLine) -> None:
    line.furnish()
    path = line.write("huge.txt", b"one line ")
    os.truncate(path, 200 << 20)
    add(line)
    assert problems(line) == {"huge.txt": "too large: 200.0 MiB, the limit is 32.0 MiB"}
    assert "1 with problems" in line.inside("add", "--no-wait").out
    assert line.hits("boiler")


def test_one_line_of_the_same_word(line: CommandLine) -> None:
    line.write("long.txt", "kettle " * 40_000)
    add(line)
    assert_stands_there(line.hits("kettle")[0]["cite"])


def test_links_in_circles_and_links_that_lead_out(line: CommandLine) -> None:
    line.furnish()
    (line.stage.parent / "secret.md").write_text("The password is swordfish.\n")
    (line.stage / "self").symlink_to(line.stage / "self")
    (line.stage / "loop").symlink_to(line.stage)
    (line.stage / "deep").mkdir()
    (line.stage / "deep" / "up").symlink_to("..")
    (line.stage / "out.md").symlink_to("../secret.md")
    (line.stage / "etc").symlink_to("/etc")
    add(line)
    assert line.inside("status", "--json").json["items"] == 3
    assert "swordfish" not in line.inside("recall", "password swordfish").out


def test_a_pipe_and_a_socket_in_the_folder_do_not_block(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    line.furnish()
    os.mkfifo(line.stage / "pipe.md")
    monkeypatch.chdir(line.stage)  # the name of a socket must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.md")
        add(line)
    assert line.inside("status", "--json").json["items"] == 3


HOSTILE_NAMES = [
    b"new\nline.md",
    b"esc\x1b[31mred\x1b[0m.md",
    b"title\x1b]0;owned\x07.md",
    b"csi\xc2\x9b31m.md",
    b"bell\x07.md",
    b"caf\xe9.md",
    b"[red]markup.md",
    b"[bold.md",
    "\u202egnp.md".encode(),
    b"-rf.md",
    b"{0} %s.md",
    b"x" * 240 + b".md",
]


def test_hostile_file_names_never_reach_the_terminal(line: CommandLine) -> None:
    for number, name in enumerate(HOSTILE_NAMES):
        path = os.fsencode(line.stage) + b"/" + name
        with open(path, "wb") as file:
            file.write(b"The kettle of room %d is red.\n" % number)
        broken = path[:-20] + b"-broken" + name[:20]
        os.symlink(b"nowhere", broken)
    said = [line.inside("add", line.stage, "--no-wait").ended(0)]
    said += [line.inside("recall", "kettle room red", "-k", "50", *flags).ended(0) for flags in ((), ("--explain",))]
    said += [line.inside("ask", "What colour is the kettle of room 3?")]
    said += [line.inside("status", "--problems").ended(0), line.inside("check").ended(0)]
    said += [line.inside("recall", "kettle room red", "-k", "50", "--json").ended(0)]
    for one in said:
        shown = {char for char in one.out + one.err if not char.isprintable()}
        assert shown <= ({"\n"} if one is not said[-1] else {"\n", "\u202e", "\uefe9"})  # JSON keeps the letters
    assert len(said[-1].json["items"]) + sum(len(hit["also"]) for hit in said[-1].json["items"]) == len(HOSTILE_NAMES)
    names = line.inside("recall", "kettle room red", "-k", "50").out
    assert "[red]markup.md" in names
    assert "[bold.md" in names


def test_a_folder_with_a_hostile_name(line: CommandLine) -> None:
    folder = line.stage / "a\x1b[31m\n[" / "b]"
    folder.mkdir(parents=True)
    (folder / "tea.md").write_text("The kettle is red.\n")
    for command in (
        ("add", folder, "--no-wait"),
        ("status",),
        ("ask", "kettle red?", "--in", folder),
        ("forget", folder),
    ):
        said = line.inside(*command)
        said.ended(said.code)
        assert said.code in (0, 3)
        assert "\x1b" not in said.out + said.err
    line.inside("forget", folder).refused(2)


MARKUP = "The kettle [red]is[/red] [link=http://evil]blue[/link] [/] and [bold]new[/bold]."


def test_markup_in_a_document_is_shown_as_it_is(line: CommandLine) -> None:
    line.furnish()
    line.write("kettle.md", MARKUP + "\n")
    add(line)
    assert MARKUP in line.inside("recall", "kettle").out
    assert "[red]is[/red] [link=http://evil]blue[/link] [/]" in line.inside("ask", "Is the kettle blue and new?").out
    assert MARKUP in line.inside("ask", "Is the kettle blue and new?", "--json").out


def test_escape_sequences_in_a_document_never_reach_the_terminal(line: CommandLine) -> None:
    line.furnish()
    line.write("kettle.txt", "The \x1b[31mkettle\x1b[0m is \x1b]8;;http://evil\x07blue\x1b]8;;\x07 and \x9b31m new.\n")
    line.write("run.py", 'def kettle_colour():\n    """The kettle is \x1b[31mblue."""\n    return "\x9b31mblue"\n')
    add(line)
    for command in (
        ("recall", "kettle"),
        ("ask", "Is the kettle blue and new?"),
        ("ask", "What does kettle_colour return?"),
    ):
        for flags in ((), ("--json",)):
            said = line.inside(*command, *flags)
            assert not {"\x1b", "\x9b", "\x07"} & set(said.out + said.err)


def test_spaces_of_other_writing_systems_are_shown(line: CommandLine) -> None:
    text = "Чайник\u00a0стоит\u3000на\u202fплите, می\u200cخواهم."
    line.write("чайник.txt", text + "\n")
    add(line)
    assert "\ufffd" not in line.inside("recall", "чайник").out


def test_long_snippets_and_code_are_not_cut_off_in_a_pipe(line: CommandLine) -> None:
    line.furnish()
    body = "    return " + " + ".join(f"kettle_{n}" for n in range(30))
    line.write("kettle.py", f'def boil_all_kettles():\n    """Adds up all kettles."""\n{body}\n')
    add(line)
    assert body in line.inside("ask", "Which function adds up all kettles?").ended(0).out
    snippet = line.hits("adds up kettles")[0]["snippet"]
    assert len(snippet) > 80
    assert snippet in line.inside("recall", "adds up kettles").out


def test_folders_three_hundred_deep(line: CommandLine) -> None:
    line.furnish()
    here = os.open(line.stage, os.O_RDONLY)
    for _ in range(300):
        os.mkdir("d", dir_fd=here)
        deeper = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    with os.fdopen(os.open("deep.md", os.O_WRONLY | os.O_CREAT, dir_fd=here), "w") as file:
        file.write("The kettle is red.\n")
    os.close(here)
    add(line)
    assert line.hits("kettle")


def test_a_document_that_grows_while_it_is_read_again(line: CommandLine) -> None:
    line.furnish()
    path = line.write("log.txt", "10:00 the ferry left.\n")
    add(line)
    for minute in range(1, 5):
        with path.open("a") as file:
            file.write(f"10:0{minute} the ferry is at sea.\n")
        for hit in line.hits("ferry"):
            assert_stands_there(hit["cite"])
