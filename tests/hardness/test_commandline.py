"""``backup``, ``restore`` and ``check`` as a person or a script meets them."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import stat
import subprocess
from pathlib import Path

import pytest
from cli.commandline import CommandLine, Said, Watched, sentences, without_rights

from assistant.memory import layout
from assistant.memory.records import RecordStore


def furnished(line: CommandLine, count: int = 12) -> CommandLine:
    line.furnish()
    for number, text in enumerate(sentences(count)):
        line.write(f"notes/{number}.md", text)
    line.inside("add", line.stage).ended(0)
    return line


def places(said: Said) -> list[str]:
    return [hit["cite"]["path"] for hit in said.ended(0).json["items"]]


def test_a_backup_and_its_return(line: CommandLine, tmp_path: Path) -> None:
    furnished(line)
    file = tmp_path / "memory.backup"
    before = places(line.inside("recall", "boiler pressure cold", "--json"))
    made = line("backup", file, "--json").ended(0).json
    assert made["path"] == str(file)
    assert (made["sources"], made["items"], made["vectors"], made["size_bytes"]) == (15, 15, 15, file.stat().st_size)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    line.inside("forget", line.stage).ended(0)
    assert line.inside("recall", "boiler", "--json").code == 3
    said = line("restore", file, "--json").ended(0).json
    assert (said["items"], said["pending"]) == (15, 0)
    assert Path(said["kept"]).is_dir()
    assert places(line.inside("recall", "boiler pressure cold", "--json")) == before
    assert "1.4 bar" in line.inside("ask", "What is the boiler pressure when the system is cold?").ended(0).out
    line.inside("check", "--full").ended(0)


def test_words_for_a_person(line: CommandLine, tmp_path: Path) -> None:
    furnished(line, 1)
    file = tmp_path / "memory.backup"
    assert "read back and verified" in line.inside("backup", file).ended(0).out
    line("backup", file).refused(2, "is there already", "--force")
    line.inside("backup", file, "--force").ended(0)
    said = line.inside("restore", file).ended(0)
    assert "is kept in" in said.out
    assert "assistant add" in said.out
    forgotten = line.inside("forget", line.stage).ended(0).out
    assert "copies of the memory that were kept" in forgotten
    assert "before-restore" in forgotten


def test_what_cannot_be(line: CommandLine, tmp_path: Path) -> None:
    line.inside("backup", tmp_path / "file").refused(2, "Nothing is remembered yet")
    line.inside("restore", tmp_path / "none").refused(2, "cannot be opened")
    line.inside("restore", "").refused(2, "empty")
    line.inside("backup", "").refused(2, "empty")
    for command in ("backup", "restore"):
        line.inside(command, "-").refused(2, "does not go through a pipe", "./-")
    (tmp_path / "text").write_text("not a backup\n" * 2000)
    line.inside("restore", tmp_path / "text").refused(6, "cannot be used as a backup", "Nothing was changed")
    line.inside("restore", tmp_path).refused(2, "not a plain file")
    line.inside("restore", "/dev/null").refused(2, "not a plain file")
    furnished(line, 1)
    line.inside("backup", tmp_path / "none" / "file").refused(2, "no folder")
    line.inside("backup", tmp_path).refused(2, "not a plain file")
    line.inside("backup", "/dev/full", "--force").refused(2, "not a plain file")
    line.inside("backup", line.home / "data" / "memory" / "file").refused(2, "inside the memory store")


def test_a_backup_on_another_computer(line: CommandLine, models: Path, tmp_path: Path) -> None:
    """A home that has never remembered anything, and has other settings."""
    furnished(line)
    line.inside("backup", tmp_path / "memory.backup").ended(0)
    other = CommandLine(tmp_path / "other", line.stage)
    (other.home / "data").mkdir(parents=True)
    (other.home / "data" / "models").symlink_to(models)
    said = other("restore", tmp_path / "memory.backup").ended(0)
    assert "is kept in" not in said.out
    assert other("status", "--json").json["items"] == 15
    other("check").ended(0)
    different = CommandLine(tmp_path / "third", line.stage, environment={"ASSISTANT_PRECISION": "fp32"})
    found = different("restore", tmp_path / "memory.backup", "--json").ended(0).json
    status = different("status", "--json").json
    if status["fingerprint"] != line.inside("status", "--json").json["fingerprint"]:
        assert found["pending"] == 15
        assert "by their words only so far" in different("restore", tmp_path / "memory.backup").out


def test_settings_and_models_are_not_in_it(line: CommandLine, tmp_path: Path) -> None:
    settings = line.home / "config" / "settings.toml"
    settings.parent.mkdir()
    settings.write_text("allow_download = true\n")
    furnished(line, 1)
    line.inside("backup", tmp_path / "memory.backup").ended(0)
    content = (tmp_path / "memory.backup").read_bytes()
    assert b"allow_download" not in content
    settings.unlink()
    line.inside("restore", tmp_path / "memory.backup").ended(0)
    assert not settings.exists()


def test_while_another_command_is_at_work(line: CommandLine, tmp_path: Path) -> None:
    furnished(line)
    for number, text in enumerate(sentences(600)):
        line.write(f"more/{number}.md", text)
    adding = Watched(line, "add", line.stage)
    adding.until("Learning meanings")
    adding.signal(signal.SIGSTOP)  # it holds the store as long as this takes
    try:
        made = line("backup", tmp_path / "memory.backup", "--json").ended(0).json
        assert made["items"] == 615
        line("restore", tmp_path / "memory.backup").refused(6, "Another process", "Nothing was changed")
        line("check", "--repair").ended(0)  # nothing to mend, and nothing that must be written
        (line.stage / "boiler.md").write_text("changed\n")
        line("check", "--repair").refused(6, "Another process")
    finally:
        adding.signal(signal.SIGCONT)
    adding.end().ended(0)
    line.inside("restore", tmp_path / "memory.backup").ended(0)
    assert line.inside("add", "--json").ended(0).json["folders"][0]["read"] == 1
    line.inside("check", "--full").ended(0)


def test_progress_on_a_terminal_and_silence_elsewhere(line: CommandLine, tmp_path: Path) -> None:
    furnished(line, 1)
    watched = Watched(line, "backup", tmp_path / "one")
    watched.until("Looking through it")
    assert watched.end().ended(0).out.startswith(str(tmp_path / "one"))
    assert line("backup", tmp_path / "two").ended(0).err == ""


def test_ctrl_c_in_the_middle_of_a_backup(line: CommandLine, tmp_path: Path) -> None:
    furnished(line, 1)
    watched = Watched(line, "backup", tmp_path / "one")
    watched.until("Looking through it")
    watched.signal(signal.SIGINT)
    said = watched.end()
    assert said.code in (0, 130)  # it may have been done already
    assert "damaged" not in said.err
    assert (tmp_path / "one").exists() == (said.code == 0)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".one")]


def test_a_full_disk_and_a_file_that_may_not_grow(line: CommandLine, tmp_path: Path) -> None:
    furnished(line, 1)
    (tmp_path / "small").mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", tmp_path / "small"], capture_output=True, check=False
    )
    if mounted.returncode == 0:
        try:
            line("backup", tmp_path / "small" / "file").refused(6, "too little room", "Nothing was written")
            assert not any((tmp_path / "small").iterdir())
        finally:
            subprocess.run(["umount", tmp_path / "small"], check=True)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    line("backup", tmp_path / "file", preexec_fn=limit).refused(6, "could not be written", "untouched")
    assert not [path for path in tmp_path.iterdir() if "file" in path.name]
    line("check").ended(0)


# check


def test_a_folder_that_cannot_be_written_is_named_before_its_room_is_measured(
    line: CommandLine, tmp_path: Path
) -> None:
    furnished(line, 1)
    (tmp_path / "place").mkdir()
    (tmp_path / "place" / "old.backup").write_text("what was there")
    (tmp_path / "place").chmod(0o500)
    for arguments in (["new.backup"], ["old.backup", "--force"]):
        said = line("backup", tmp_path / "place" / arguments[0], *arguments[1:], preexec_fn=without_rights)
        said.refused(6, "place cannot be written: Permission denied", "The memory is untouched", "another place")
    assert [path.read_text() for path in (tmp_path / "place").iterdir()] == ["what was there"]


def test_check_says_what_disagrees_and_what_to_do(line: CommandLine) -> None:
    furnished(line)
    found = line.inside("check", "--json").ended(0).json
    assert (found["sources"], found["files"]["same"], found["files"]["read"], found["findings"]) == (15, 15, 15, [])
    (line.stage / "car.md").write_text("# Car\n\nThe wheel bolts need 120 Nm.\n")
    (line.stage / "violin.md").unlink()
    said = line("check").ended(6)
    assert "car.md has changed since it was read.  -> assistant add" in said.out
    assert "violin.md is gone." in said.out
    found = line.inside("check", "--json").ended(6).json
    assert [finding["where"] for finding in found["findings"]] == ["files", "files"]
    said = line.inside("check", "--repair").ended(0)
    assert "2 sources were read again" in said.out
    assert "agree" in said.out
    assert "120 Nm" in line.inside("ask", "How much torque do the wheel bolts need?").ended(0).out
    assert line.inside("status", "--json").json["pending_vectors"] == 0


def test_a_byte_that_rotted_is_found_and_mended(line: CommandLine) -> None:
    """Same size, same date, other bytes: nothing but reading it again can tell."""
    furnished(line)
    path = line.stage / "boiler.md"
    kept = path.stat()
    content = path.read_bytes().replace(b"1.4", b"1.9")
    with path.open("r+b") as file:
        file.write(content)
    os.utime(path, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    line.inside("add").ended(0)
    assert "holds other bytes" in line.inside("check", "--full").ended(6).out
    line.inside("check", "--full", "--repair").ended(0)
    assert "1.9 bar" in line.inside("ask", "What is the boiler pressure when the system is cold?").ended(0).out


def test_one_damaged_record_is_mended_and_the_rest_kept(line: CommandLine) -> None:
    furnished(line)
    data = line.home / "data" / "memory" / "records" / "data.mdb"
    content = data.read_bytes()
    data.unlink()
    data.write_bytes(content.replace(b"The boiler pressure is 1.4 bar", b"The boiler pressure is 9.4 bar"))
    line("check").refused(6, "does not match its checksum")
    said = line("check", "--repair").ended(0)
    assert "mended in a copy" in said.out
    (kept,) = (line.home / "state" / "set-aside").iterdir()
    assert b"9.4 bar" in (kept / "records" / "data.mdb").read_bytes()
    assert "1.4 bar" in line.inside("ask", "What is the boiler pressure when the system is cold?").ended(0).out
    status = line.inside("status", "--json").json
    assert (status["items"], status["pending_vectors"]) == (15, 0)
    line.inside("check", "--full").ended(0)


def test_a_store_of_another_schema_is_read_anew(line: CommandLine) -> None:
    furnished(line, 3)
    with RecordStore(line.home / "data" / "memory" / "records") as store, store.write() as view:
        view.set_number("schema", layout.SCHEMA_VERSION + 1)
    line("recall", "boiler").refused(6, "schema version", "check --repair")
    line("check", "--repair").ended(0)
    assert line.inside("status", "--json").json["items"] == 6
    line.inside("check", "--full").ended(0)


def test_a_backup_of_a_damaged_memory_is_refused_and_one_of_before_restored(line: CommandLine, tmp_path: Path) -> None:
    furnished(line)
    line.inside("backup", tmp_path / "good").ended(0)
    data = line.home / "data" / "memory" / "records" / "data.mdb"
    content = data.read_bytes()
    data.unlink()
    data.write_bytes(content[: len(content) // 2])
    line("backup", tmp_path / "bad").refused(6, "damaged")
    assert not (tmp_path / "bad").exists()
    line("restore", tmp_path / "good").ended(0)
    line("check", "--full").ended(0)
    assert line.inside("status", "--json").json["searchable_by_meaning"] == 15


@pytest.mark.parametrize("name", ["memory.before", "ünïcode \u4e2d.backup", "-dash", "a b\nc"])
def test_names_of_all_kinds(line: CommandLine, tmp_path: Path, name: str) -> None:
    furnished(line, 1)
    file = tmp_path / name
    line("backup", file).ended(0)
    shutil.rmtree(line.home / "data" / "memory")
    line("restore", file).ended(0)
    assert line.inside("status", "--json").json["items"] == 4
