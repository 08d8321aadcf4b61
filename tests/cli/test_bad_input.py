"""What people type by mistake, or on purpose: a clear message, the right exit code, nothing lost."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.commandline import CommandLine, Said, without_rights

AUDITED = """\
import sys
# socket.bind is let pass: urllib3, which fastembed imports, asks in this way whether there is an IPv6 loopback
TALK = {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.sendmsg"}
sys.addaudithook(lambda event, _: event in TALK and sys.stderr.write(f"AUDIT {event}\\n"))
from assistant.cli.main import run
raise SystemExit(run(sys.argv[1:]))
"""


@pytest.mark.parametrize("text", ["", " ", "\t\n ", "\u2003"], ids=["nothing", "space", "tab", "em space"])
@pytest.mark.parametrize("command", ["ask", "recall"])
def test_an_empty_question(line: CommandLine, command: str, text: str) -> None:
    line.inside(command, text).refused(2, "The question is empty", "assistant ask")


@pytest.mark.parametrize("command", ["ask", "recall"])
def test_a_question_of_a_million_characters(line: CommandLine, command: str) -> None:
    said = line.inside(command, "tea " * 250_000).refused(2, "10,000 are the most", "piping")
    assert len(said.err) < 1000


@pytest.mark.parametrize(
    "text",
    [
        "?!.,;:---",
        "the of and is",
        "\x01\x02\x07\x1b[31m\x9b",
        "tea\x00boiler",
        "\u202e\u200b\ufeff",
        "💧💧",
        "tea OR (boiler AND",
        'body:"tea" +-*~^[]{}',
        "\\\\\\",
        "%s {0} {n!r} $HOME `id`",
        "[red]tea[/red] [link=http://a]",
        "' OR 1=1 --",
        "../../../etc/passwd",
    ],
)
def test_a_question_that_asks_nothing_sensible(golden: CommandLine, text: str) -> None:
    for command in (("ask",), ("recall", "--json")):
        said = golden.inside(*command, text)
        assert said.ended(said.code).code in (0, 3)
        assert not {"\x1b", "\x9b", "\x07"} & set(said.out + said.err)


def test_a_question_of_ten_thousand_letters_without_a_space(golden: CommandLine) -> None:
    golden.inside("ask", "a" * 10_000).ended(3)


def test_words_that_are_not_utf_8(golden: CommandLine) -> None:
    for arguments in (
        ("ask", b"caf\xe9 \xff rye bread"),
        ("recall", b"caf\xe9 rye", "--language", b"\xff"),
        ("recall", "rye", "--symbol", b"\xff", "--file-hint", b"\xfe"),
        ("recall", "rye", "--in", b"/tmp/caf\xe9"),
    ):
        said = golden.inside(*map(os.fsdecode, arguments))
        assert said.ended(said.code).code in (0, 3)
    name = os.fsdecode(b"/tmp/caf\xe9")
    golden.inside("ask", "rye", "--in", name).refused(2, "There is no file or folder")
    golden.inside("ask", "rye", "--kind", name).refused(2, "There is no kind")
    golden.inside("forget", name).refused(2, "is remembered")
    golden("add", b"/tmp/caf\xe9").refused(2, "/tmp/caf")


def test_a_path_that_does_not_exist(line: CommandLine) -> None:
    line.inside("add", line.stage / "missing").refused(2, str(line.stage / "missing"), "Check the path")
    line.inside("add", "x" * 5000).refused(2)


def test_an_empty_path_is_not_the_current_folder(line: CommandLine) -> None:
    for command in (("add", ""), ("forget", ""), ("ask", "tea", "--in", ""), ("recall", "tea", "--in", "")):
        line.inside(*command).refused(2, "The path is empty")


def test_a_file_where_a_folder_is_meant(line: CommandLine) -> None:
    line.inside("add", line.write("tea.md", "Tea.\n")).refused(
        2, "is a file, not a folder", "Name the folder it lies in"
    )


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to(path)], ids=["pipe", "link to itself"])
def test_a_pipe_or_a_circular_link_where_a_folder_is_meant(line: CommandLine, make: object) -> None:
    path = line.stage / "thing"
    make(path)  # type: ignore[operator]
    line.inside("add", path).refused(2, "thing")


def test_our_own_data_folder(line: CommandLine) -> None:
    line.write("tea.md", "Tea is green.\n")
    line.inside("add", line.stage, "--no-wait").ended(0)
    for folder in ("data", "data/memory"):
        line.inside("add", line.home / folder).refused(2, "the assistant's own files")


def test_a_folder_that_holds_our_own_data_folder(line: CommandLine) -> None:
    line.write("tea.md", "Tea is green.\n")
    (line.home / "config").mkdir()
    (line.home / "config" / "settings.toml").write_text('model = "all-minilm-l6-v2"\n')
    for _ in range(2):
        found = line.inside("add", line.stage.parent, "--no-wait", "--json").ended(0).json
        assert found["folders"][0]["found"] == 1
    assert {Path(hit["cite"]["path"]).name for hit in line.hits("minilm tea")} == {"tea.md"}


def test_the_root_of_the_disk_is_walked_like_any_folder_until_it_is_stopped(line: CommandLine) -> None:
    process = line.start("add", "/", "--no-wait", stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        process.communicate(timeout=2)
    except subprocess.TimeoutExpired:
        process.send_signal(2)
    _, err = process.communicate(timeout=90)
    assert process.returncode in (0, 130), err
    assert b"Traceback" not in err
    line("check").ended(0)
    assert all(not hit["cite"]["path"].startswith(("/proc/", "/sys/", "/dev/")) for hit in line.hits("version"))


def test_unreadable_folders_and_files_as_a_user_without_rights(line: CommandLine) -> None:
    line.write("open.md", "The kettle is red.\n")
    line.write("secret.md", "The password is swordfish.\n").chmod(0o000)
    closed = line.write("closed/inside.md", "The ladder is blue.\n").parent
    closed.chmod(0o000)
    try:
        said = line("add", closed, "--no-wait", preexec_fn=without_rights)
        said.refused(2, str(closed), "permission denied", "Check its permissions")
        added = line("add", line.stage, "--no-wait", "--json", preexec_fn=without_rights).ended(0).json["folders"][0]
    finally:
        closed.chmod(0o700)
    assert (added["found"], added["problems"]) == (1, 2)
    problems = line.inside("status", "--problems", "--json").ended(0).json["problems"]
    assert {(Path(one["path"]).name, one["reason"]) for one in problems} == {
        ("secret.md", "permission denied"),
        ("closed", "permission denied"),
    }
    assert "secret.md: permission denied" in line.inside("status", "--problems").out
    assert "swordfish" not in line.inside("recall", "password swordfish").out


@pytest.mark.parametrize("command", [("status",), ("recall", "tea"), ("add",), ("check",), ("forget", "/x")])
def test_a_data_folder_that_cannot_be_written(line: CommandLine, command: tuple[str, ...]) -> None:
    (line.home / "data").chmod(0o555)
    try:
        line(*command, preexec_fn=without_rights).refused(6, "cannot be written", "ASSISTANT_HOME")
    finally:
        (line.home / "data").chmod(0o755)


@pytest.mark.parametrize("name", ["ASSISTANT_HOME", "HOME"])
@pytest.mark.parametrize(
    "command", [("status",), ("recall", "tea"), ("add", "."), ("check", "--repair"), ("backup", "f"), ("restore", "f")]
)
def test_a_data_folder_whose_name_is_not_utf_8(
    line: CommandLine, tmp_path: Path, command: tuple[str, ...], name: str
) -> None:
    home = os.fsdecode(os.fsencode(tmp_path) + b"/h\xf4me")
    before = sorted(tmp_path.iterdir())
    line(*command, env={"ASSISTANT_HOME": "", name: home}).refused(2, "is not UTF-8", "ASSISTANT_HOME")
    assert sorted(tmp_path.iterdir()) == before


def test_a_data_folder_of_nobody(line: CommandLine, tmp_path: Path) -> None:
    line("status", env={"ASSISTANT_HOME": "~no-such-user/memory"}).refused(2, "ASSISTANT_HOME", "no such user")
    line.write("tea.md", "The kettle is red.\n")
    line("add", line.stage, "--no-wait").ended(0)
    line("backup", "~no-such-user/memory.backup").refused(2, "no folder", "~no-such-user")
    line("restore", "~no-such-user/memory.backup").refused(2, "cannot be opened", "~no-such-user")


def test_a_data_folder_that_is_a_file(line: CommandLine) -> None:
    line.home.rename(line.home.with_name("old"))
    line.home.write_text("not a folder")
    line.inside("status").refused(2, "Not a directory")


def settings(line: CommandLine, text: str) -> None:
    (line.home / "config").mkdir(exist_ok=True)
    (line.home / "config" / "settings.toml").write_text(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model = ", ("settings.toml",)),
        ("colour = 'red'\n", ("colour", "Known settings: model")),
        ("max_file_mib = 0\nthreads = 'many'\n", ("max_file_mib", "threads")),
        ("precision = 'int4'\n", ("precision",)),
        ("parameters = 99\n", ("parameters",)),
        ("[table]\nmodel = 1\n", ("table",)),
    ],
)
def test_settings_that_cannot_be_used(line: CommandLine, text: str, words: tuple[str, ...]) -> None:
    settings(line, text)
    line.inside("status").refused(2, "The settings cannot be used", *words)


def test_settings_that_are_not_text(line: CommandLine) -> None:
    settings(line, "")
    (line.home / "config" / "settings.toml").write_bytes(b"\xff\xfe\x00model")
    line.inside("status").refused(2, "settings.toml")


def test_a_setting_in_the_environment(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSISTANT_MAX_FILE_MIB", "lots")
    line.inside("status").refused(2, "ASSISTANT_MAX_FILE_MIB")
    monkeypatch.setenv("ASSISTANT_MAX_FILE_MIB", "1")
    line.inside("status").ended(0)


@pytest.mark.parametrize(
    "text", ["model = 'BAAI/bge-small-en-v1.5'\n", "allow_download = true\n", "precision = 'fp32'\n", "nonsense = 1\n"]
)
def test_a_project_may_not_choose_a_model_or_consent(
    line: CommandLine, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    line.write(".assistant.toml", text)
    monkeypatch.chdir(line.stage)
    line.inside("status").refused(2, "a project may not set", text.split()[0])


def test_a_project_may_narrow_what_is_read(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    line.write(".assistant.toml", "max_file_mib = 1\n")
    line.write("big.txt", "The kettle is red.\n" * 80_000)
    monkeypatch.chdir(line.stage)
    assert line.inside("add", ".", "--no-wait", "--json").ended(0).json["folders"][0]["problems"] == 1


def test_an_unknown_model_in_the_settings(line: CommandLine) -> None:
    settings(line, "model = 'all-minilm-l6-v3'\n")
    for command in (("add", line.stage), ("recall", "tea"), ("models", "install")):
        line.inside(*command).refused(2, "all-minilm-l6-v3", "all-minilm-l6-v2")
    settings(line, "model = ''\n")
    line.inside("status").ended(2)
    settings(line, "model = '../../etc/passwd'\n")
    line.inside("status").refused(2)


@pytest.mark.parametrize(
    "command",
    [
        ("models", "install", "bge-small-en-v1.5"),
        ("models", "probe", "nomic-embed-text-v1.5-q"),
        ("add",),
        ("ask", "tea"),
    ],
)
def test_a_download_without_consent_calls_nobody(line: CommandLine, command: tuple[str, ...]) -> None:
    if len(command) < 3:
        settings(line, "model = 'BAAI/bge-small-en-v1.5'\n")
    done = subprocess.run(
        [sys.executable, "-c", AUDITED, *command],
        capture_output=True,
        text=True,
        timeout=90,
        stdin=subprocess.DEVNULL,
        env=line.env(),
        check=False,
    )
    said = Said(done.returncode, done.stdout, done.stderr).refused(
        4, "is not on this computer", "Nothing was sent", "--yes"
    )
    assert "AUDIT" not in said.err


def test_asking_and_adding_call_nobody(line: CommandLine) -> None:
    line.furnish()
    for command in (("add", str(line.stage)), ("ask", "What is the boiler pressure?"), ("status",)):
        done = subprocess.run(
            [sys.executable, "-c", AUDITED, *command],
            capture_output=True,
            text=True,
            timeout=90,
            stdin=subprocess.DEVNULL,
            env=line.env(),
            check=False,
        )
        assert "AUDIT" not in Said(done.returncode, done.stdout, done.stderr).ended(done.returncode).err
