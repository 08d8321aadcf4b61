"""A hostile corpus, case by case: each is read, left out or named with a reason, and the notes beside it are found."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import stat
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.commandline import CommandLine, assert_stands_there, without_rights

from assistant.contracts.documents import FoundSource, SkippedPath
from assistant.reading.walking import FileSources
from tests.reading_isolated.desks import children, desk_of, read_all, told, wanted, written

DEEP = 100_000


def problems(line: CommandLine) -> dict[str, str]:
    found = line.inside("status", "--problems", "--json").ended(0).json["problems"]
    return {Path(one["path"]).name: one["reason"] for one in found}


def survives(line: CommandLine) -> dict[str, str]:
    """Add the stage with some ordinary notes on it; these are found afterwards. Returns what is told of the rest."""
    before = children()
    line.furnish()
    line.inside("add", line.stage, "--no-wait").ended(0)
    assert children() <= before
    assert_stands_there(line.hits("boiler pressure cold")[0]["cite"])
    line.inside("check").ended(0)
    assert line.inside("add", "--no-wait", "--json").ended(0).json["folders"][0]["read"] == 0
    return problems(line)


def zipped(size_bytes: int) -> bytes:
    book = io.BytesIO()
    with zipfile.ZipFile(book, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.txt", bytes(size_bytes))
    return book.getvalue()


@pytest.mark.parametrize("name", ["bomb.txt", "bomb.md", "bomb.csv", "bomb.py", "bomb.json", "bomb.eml", "bomb"])
def test_a_gzip_bomb_disguised_as_text(line: CommandLine, name: str) -> None:
    line.write(name, gzip.compress(bytes(50 << 20)))
    assert survives(line) == {}
    assert line.inside("status", "--json").json["items"] == 3


def test_a_zip_bomb_disguised_as_text(line: CommandLine) -> None:
    line.write("bomb.txt", zipped(50 << 20))
    line.write("notes.html", zipped(50 << 20))
    survives(line)
    assert line.inside("status", "--json").json["items"] == 3


def test_a_sparse_file_of_two_gigabytes(line: CommandLine) -> None:
    os.truncate(line.write("sparse.txt", ""), 2 << 30)
    assert survives(line) == {"sparse.txt": "too large: 2048.0 MiB, the limit is 32.0 MiB"}


def test_one_line_of_two_gigabytes(line: CommandLine) -> None:
    path = line.write("line.txt", "one line ")
    with path.open("r+b") as file:
        file.seek((2 << 30) - 5)
        file.write(b"ended")
    assert survives(line) == {"line.txt": "too large: 2048.0 MiB, the limit is 32.0 MiB"}


@pytest.mark.parametrize("name", ["line.txt", "line.md", "line.csv", "line.log"])
def test_one_line_of_ten_megabytes(line: CommandLine, name: str) -> None:
    line.write(name, "kettle " * (10 << 20 >> 3))
    survives(line)
    assert_stands_there(line.hits("kettle")[0]["cite"])


@pytest.mark.parametrize("text", ["\n" * (16 << 20), " " * (16 << 20), "\0" * (16 << 20), "a" * (16 << 20)])
def test_sixteen_megabytes_of_one_sign(line: CommandLine, text: str) -> None:
    line.write("signs.txt", text)
    assert survives(line) == {}


def test_names_with_a_sign_that_stands_for_nul(line: CommandLine) -> None:
    names = [b"overlong\xc0\x80.md", "picture\u2400.md".encode(), "private\uef80.md".encode(), b"\xed\xa0\x80.md"]
    for number, name in enumerate(names):
        with open(os.fsencode(line.stage) + b"/" + name, "wb") as file:
            file.write(b"The kettle of room %d is red.\n" % number)
    told_of = survives(line)
    assert list(told_of.values()) in ([], ["it is gone"])
    assert len(line.hits("kettle room red")) >= 3


def test_a_path_of_five_thousand_bytes(line: CommandLine) -> None:
    here = os.open(line.stage, os.O_RDONLY)
    for depth in range(25):
        os.mkdir("d" * 200, dir_fd=here)
        deeper = os.open("d" * 200, os.O_RDONLY, dir_fd=here)
        with os.fdopen(os.open("note.py", os.O_WRONLY | os.O_CREAT, dir_fd=here), "w") as file:
            file.write(f"kettle_{depth} = 'red'\n")
        os.close(here)
        here = deeper
    os.close(here)
    told_of = survives(line)
    assert len(told_of) == 1
    assert "too long" in next(iter(told_of.values()))
    assert line.inside("status", "--json").json["items"] >= 3 + 18
    shutil.rmtree(line.stage)


NESTED = {
    "brackets.json": "[" * DEEP,
    "closed.json": "[" * DEEP + "]" * DEEP,
    "objects.json": '{"a":' * DEEP + "1" + "}" * DEEP,
    "flow.yaml": "[" * DEEP,
    "dashes.yaml": "- " * DEEP,
    "steps.yaml": "".join(" " * depth + "a:\n" for depth in range(2000)),
    "tags.html": "<div>" * DEEP,
    "mixed.html": "<b><i>" * DEEP,
    "quotes.md": ">" * DEEP,
    "spaced.md": "> " * DEEP,
    "lists.md": "- " * DEEP,
    "links.md": "[" * DEEP,
    "sections.toml": "[" + ".".join("a" * DEEP) + "]\nb = 1\n",
    "brackets.py": "(" * DEEP,
    "else.js": "if (a) {} else " * DEEP,
    "lists.rst": "* " * 4000,
    "tags.xml": "<a>" * DEEP,
}


@pytest.mark.parametrize("name", NESTED)
def test_nested_a_hundred_thousand_deep(line: CommandLine, name: str) -> None:
    line.write(name, NESTED[name])
    told_of = survives(line)
    assert not [reason for reason in told_of.values() if "crashed" in reason or "its reader failed" in reason]


def test_a_yaml_bomb_of_aliases(line: CommandLine) -> None:
    bomb = "a: &a [lol, lol, lol, lol]\n"
    for one, other in zip("abcdefghijklmnopqrstuvwx", "bcdefghijklmnopqrstuvwxy", strict=True):
        bomb += f"{other}: &{other} [{', '.join([f'*{one}'] * 9)}]\n"
    line.write("bomb.yaml", bomb)
    assert survives(line) == {}
    assert line.hits("lol")


def test_an_xml_bomb_of_entities(line: CommandLine) -> None:
    entities = '<!ENTITY a "kettle">\n'
    for one, other in zip("abcdefghi", "bcdefghij", strict=True):
        entities += f'<!ENTITY {other} "{f"&{one};" * 10}">\n'
    bomb = f'<?xml version="1.0"?>\n<!DOCTYPE lolz [\n{entities}]>\n<lolz>&j;</lolz>\n'
    for name in ("bomb.xml", "bomb.html", "bomb.svg", "bomb.txt"):
        line.write(name, bomb)
    assert survives(line) == {}


def test_a_mail_of_ten_thousand_parts(line: CommandLine) -> None:
    head = "From: a@example.org\nSubject: kettles\nContent-Type: multipart/mixed; boundary=b\n\n"
    parts = "".join(f"--b\nContent-Type: text/plain\n\nThe kettle of room {n} is red.\n" for n in range(10_000))
    line.write("parts.eml", head + parts + "--b--\n")
    survives(line)
    assert_stands_there(line.hits("kettle room 77")[0]["cite"])


def test_a_mail_of_ten_thousand_attachments(line: CommandLine) -> None:
    head = "From: a@example.org\nSubject: kettles\nContent-Type: multipart/mixed; boundary=b\n\n"
    part = "--b\nContent-Type: image/png; name=x.png\nContent-Transfer-Encoding: base64\n\nAAAA\n"
    line.write("parts.eml", head + part * 10_000 + "--b--\n")
    assert len(survives(line)["parts.eml"]) < 10_000


@pytest.mark.parametrize("kind", ["multipart/mixed; boundary=b", "message/rfc822"])
def test_a_mail_nested_five_hundred_deep(line: CommandLine, kind: str) -> None:
    parts = f"Content-Type: {kind}\n\n--b\n" * 500
    line.write("nested.eml", f"Subject: kettles\n{parts}\n\nThe kettle is red.\n")
    assert "nested too deeply" in survives(line)["nested.eml"]


def notebook(output: str) -> str:
    stream = {"output_type": "stream", "name": "stdout", "text": [output]}
    cell = {"cell_type": "code", "metadata": {}, "source": ["print(kettle)"], "outputs": [stream], "execution_count": 1}
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def test_a_notebook_with_an_output_of_a_hundred_megabytes(line: CommandLine) -> None:
    line.write("run.ipynb", notebook("x" * (100 << 20)))
    assert survives(line) == {"run.ipynb": "too large: 100.0 MiB, the limit is 32.0 MiB"}


def test_a_notebook_with_an_output_of_twenty_megabytes(line: CommandLine) -> None:
    line.write("run.ipynb", notebook("steam " * (20 << 20 >> 3)))
    survives(line)
    assert line.hits("print kettle")


def test_a_table_of_a_hundred_thousand_columns(line: CommandLine) -> None:
    line.write("wide.csv", "\n".join(",".join(f"{row}.{column}" for column in range(DEEP)) for row in range(3)))
    assert survives(line) == {}


def test_hard_links_are_read_under_each_name(line: CommandLine) -> None:
    path = line.write("kettle.md", "The kettle of room 7 is red.\n")
    os.link(path, line.stage / "pot.md")
    assert survives(line) == {}
    hits = line.hits("kettle room red")
    assert len(hits) + sum(len(hit["also"]) for hit in hits) == 2


def test_names_that_differ_by_case_only(line: CommandLine) -> None:
    line.write("Kettle.md", "The kettle of room 7 is red.\n")
    line.write("kettle.md", "The kettle of room 8 is blue.\n")
    line.write("KETTLE.md", "The kettle of room 9 is green.\n")
    assert survives(line) == {}
    found = {Path(hit["cite"]["path"]).name for hit in line.hits("kettle room")}
    assert found == {"Kettle.md", "kettle.md", "KETTLE.md"}


def test_permission_denied_to_files_and_folders(line: CommandLine) -> None:
    line.furnish()
    line.write("locked.py", "kettle = 'red'\n").chmod(0)
    line.write("closed/inside.py", "kettle = 'red'\n").parent.chmod(0)
    try:
        said = line("add", line.stage, "--no-wait", preexec_fn=without_rights).ended(0)
        assert "locked.py: permission denied" in said.out
        assert problems(line) == {"locked.py": "permission denied", "closed": "permission denied"}
        assert line.hits("boiler")
    finally:
        (line.stage / "closed").chmod(0o700)


# what happens between a look and the next


def meddled(folder: Path, meddle: dict[str, object]) -> Iterator[FoundSource | SkippedPath]:
    """A walk; when it has found the file of a name, its act is done before the file is read."""
    for found in FileSources().walk(str(folder)):
        act = meddle.get(os.path.basename(found.address.path)) if isinstance(found, FoundSource) else None
        if callable(act):
            act(folder)
        yield found


def read_meddled(folder: Path, meddle: dict[str, object]) -> list[str]:
    with desk_of() as (desk, _):
        steps = desk.flow(meddled(folder, meddle), wanted)
        return told({str(number): reading for number, (_, reading) in enumerate(steps) if reading is not None})


def replaced_by_a_fifo(folder: Path) -> None:
    (folder / "001.py").unlink()
    os.mkfifo(folder / "001.py")


def replaced_by_a_link(folder: Path) -> None:
    (folder / "001.py").unlink()
    (folder / "001.py").symlink_to("/etc/hostname")


def replaced_by_a_folder(folder: Path) -> None:
    (folder / "001.py").unlink()
    (folder / "001.py").mkdir()


def replaced_by_a_device(folder: Path) -> None:
    (folder / "001.py").unlink()
    os.mknod(folder / "001.py", stat.S_IFCHR | 0o600, os.makedev(1, 5))


def gone(folder: Path) -> None:
    (folder / "001.py").unlink()


def grown_beyond_the_limit(folder: Path) -> None:
    os.truncate(folder / "001.py", 3 << 30)


def emptied(folder: Path) -> None:
    os.truncate(folder / "001.py", 0)


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (replaced_by_a_fifo, "it is a pipe"),
        (replaced_by_a_link, "reached through a link"),
        (replaced_by_a_folder, "it is a folder"),
        (gone, "it is gone"),
        (grown_beyond_the_limit, "too large: 3072.0 MiB, the limit is 32.0 MiB"),
        (emptied, ""),
    ],
)
def test_between_the_walk_and_the_reading(act: object, reason: str, tmp_path: Path) -> None:
    folder = written(tmp_path / "files", "first = 1\n", "second = 2\n", "third = 3\n")
    assert read_meddled(folder, {"001.py": act}) == ["first = 1", reason, "third = 3"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a device")
def test_replaced_by_a_device_between_the_walk_and_the_reading(tmp_path: Path) -> None:
    folder = written(tmp_path / "files", "first = 1\n", "second = 2\n", "third = 3\n")
    try:
        found = read_meddled(folder, {"001.py": replaced_by_a_device})
    except PermissionError:
        pytest.skip("no device can be made here")
    assert found == ["first = 1", "it is a device", "third = 3"]


def test_a_folder_that_vanishes_in_the_middle_of_the_walk(tmp_path: Path) -> None:
    folder = written(tmp_path / "files", "first = 1\n")
    written(folder / "later", "second = 2\n")
    written(folder / "latest", "third = 3\n")
    steps = meddled(folder, {"000.py": lambda folder: shutil.rmtree(folder / "later", ignore_errors=True)})
    with desk_of() as (desk, _):
        found = list(desk.flow(steps, wanted))
    assert [step.reason for step, _ in found if isinstance(step, SkippedPath)] == ["it is gone"]
    assert told({str(n): one for n, (_, one) in enumerate(found) if one is not None}) == ["first = 1", "third = 3"]


class Restless:
    """A file that somebody writes to all the while."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            with self._path.open("ab") as file:
                file.write(b"kettle_%d = 'red'\n" % number)
                file.flush()
                if number % 50 == 0:
                    file.truncate(file.tell() // 2)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def test_a_file_that_grows_and_shrinks_while_it_is_read(tmp_path: Path) -> None:
    folder = written(tmp_path / "files", "first = 1\n", "restless = 2\n", "third = 3\n")
    with desk_of() as (desk, _):
        with Restless(folder / "001.py"):
            for _ in range(20):
                found = told(read_all(desk, folder))
                assert (len(found), found[0], found[2]) == (3, "first = 1", "third = 3")
        after = read_all(desk, folder)["001.py"]
        data = (folder / "001.py").read_bytes()
        for draft in after.drafts:
            assert data[draft.span.start_byte : draft.span.end_byte].decode() == draft.text
