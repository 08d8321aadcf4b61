from __future__ import annotations

import os
import pickle
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.contracts.documents import FoundSource, SkippedPath, SourceAddress
from assistant.contracts.errors import BadPath, UnreadableSource
from assistant.core.filenames import to_disk
from assistant.reading.walking import FileSources

from .sources import write_tree

NOBODY = 65534

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def names(root: Path, sources: FileSources | None = None) -> list[str]:
    """Paths of the files found, relative to ``root``."""
    found = (sources or FileSources()).walk(str(root))
    return [os.path.relpath(source.address.path, root) for source in found if isinstance(source, FoundSource)]


def skipped(root: Path, sources: FileSources | None = None) -> dict[str, tuple[str, bool]]:
    found = (sources or FileSources()).walk(str(root))
    return {os.path.relpath(at.path, root): (at.reason, at.problem) for at in found if isinstance(at, SkippedPath)}


def as_nobody(work: Callable[[], object]) -> object:
    """What ``work`` returns in a child process without privileges (in this one when it has none)."""
    if os.geteuid() != 0:
        return work()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            os.write(writing, pickle.dumps(work()))
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        data = pipe.read()
    os.waitpid(child, 0)
    return pickle.loads(data)


@pytest.fixture
def open_folder(tmp_path: Path) -> Path:
    """A folder every user may enter."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.geteuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o755)
    return tmp_path


def test_files_come_in_a_stable_order(tmp_path: Path) -> None:
    write_tree(tmp_path, dict.fromkeys(("b/2.txt", "b/10.txt", "a.md", "c.txt", "b.txt", "Z.txt"), "x"))
    assert names(tmp_path) == ["Z.txt", "a.md", "b/10.txt", "b/2.txt", "b.txt", "c.txt"]
    sources = FileSources()
    found = next(source for source in sources.walk(str(tmp_path)) if isinstance(source, FoundSource))
    assert sources.stat(found.address) == found.stat
    assert sources.fetch(found.address) == b"x"


def test_what_is_surely_no_document_is_left_out(tmp_path: Path) -> None:
    left_out = {
        ".hg/config": "version control",
        "node_modules/x/a.js": "cache",
        "env/pyvenv.cfg": "virtual environment",
        "store/CACHEDIR.TAG": "cache",
        "rust/target/a.txt": "build output",
        ".secret/a.txt": "hidden folder",
        "uv.lock": "lock file",
        "package-lock.json": "lock file",
        "a.min.js": "generated",
        "a.png": "not readable yet: picture",
        "a.pdf": "not readable yet: pdf",
        "a.docx": "not readable yet: office document",
        "id_rsa": "secret",
        ".env": "secret",
        ".env.local": "secret",
        "a.txt~": "editor copy",
        ".a.txt.swp": "editor copy",
        "Thumbs.db": "system files",
        "empty.txt": "empty",
    }
    kept = [
        "rust/Cargo.toml",
        "target/a.txt",
        "build/a.txt",
        ".config/a.ini",
        ".github/a.yml",
        ".bashrc",
        ".env.example",
    ]
    write_tree(tmp_path, dict.fromkeys([*left_out, *kept], "x") | {"empty.txt": ""})
    reasons = {path: reason for path, (reason, problem) in skipped(tmp_path).items() if not problem}
    assert {
        name: next(reason for path, reason in reasons.items() if name.startswith(path)) for name in left_out
    } == left_out
    assert sorted(names(tmp_path)) == sorted(kept)


def test_private_keys_are_secret_and_certificates_are_not(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a.pem": "-----BEGIN RSA PRIVATE KEY-----\nx", "b.pem": "-----BEGIN CERTIFICATE-----\nx"})
    assert (names(tmp_path), skipped(tmp_path)) == (["b.pem"], {"a.pem": ("secret", False)})


def test_gitignore_negation(tmp_path: Path) -> None:
    files = {".gitignore": "*.log\n!keep.log\nbuild/\n/top.txt\n# comment\n", "sub/.gitignore": "!deep.log\nkeep.log\n"}
    kept = ["keep.log", "sub/deep.log", "sub/top.txt", "build.txt"]
    ignored = ["a.log", "build/x.txt", "build/keep.log", "top.txt", "sub/keep.log", "sub/a.log", "sub/build/x.txt"]
    write_tree(tmp_path, files | dict.fromkeys([*kept, *ignored], "x"))
    assert sorted(names(tmp_path)) == sorted([*files, *kept])
    assert {reason for reason, _ in skipped(tmp_path).values()} == {"ignored"}


def test_assistantignore_has_the_last_word(tmp_path: Path) -> None:
    write_tree(
        tmp_path,
        {".gitignore": "*.txt\n", ".assistantignore": "!a.txt\nb.md\n", "a.txt": "x", "b.md": "x", "c.txt": "x"},
    )
    assert names(tmp_path) == [".assistantignore", ".gitignore", "a.txt"]


@pytest.mark.parametrize(
    "rules", ["!\n[z-a]\n*.log\n", "a\\\n*.log\n", "\xff\n*.log\n", "*a" * 30 + "\n*.log\n", "\ufeff*.log\n"]
)
def test_ignore_rules_that_make_no_sense_do_not_spoil_the_rest(tmp_path: Path, rules: str) -> None:
    write_tree(tmp_path, {".gitignore": rules, "a.log": "x", "a" * 200 + "b.txt": "x"})
    assert names(tmp_path) == [".gitignore", "a" * 200 + "b.txt"]


def test_an_ignore_file_that_is_a_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".gitignore")
    write_tree(tmp_path, {"a.txt": "x"})
    assert names(tmp_path) == ["a.txt"]


def test_link_to_root_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "all").symlink_to("/")
    (tmp_path / "passwords.txt").symlink_to("/etc/passwd")
    out = ("a link that leads out of the folder", False)
    assert (names(tmp_path), skipped(tmp_path)) == ([], {"all": out, "passwords.txt": out})
    for path in ("passwords.txt", "all/etc/passwd"):
        with pytest.raises(UnreadableSource, match="link"):
            FileSources().fetch(SourceAddress(str(tmp_path / path)))


def test_links_in_circles_and_links_inside_are_skipped(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a/b/c.txt": "x"})
    (tmp_path / "a/b/up").symlink_to(tmp_path / "a")
    (tmp_path / "self").symlink_to("self")
    (tmp_path / "copy.txt").symlink_to("a/b/c.txt")
    (tmp_path / "gone").symlink_to("nowhere")
    assert names(tmp_path) == ["a/b/c.txt"]
    assert skipped(tmp_path) == {
        "a/b/up": ("link", False),
        "copy.txt": ("link", False),
        "gone": ("broken link", True),
        "self": ("broken link", True),
    }


def test_a_file_swapped_for_a_link_after_the_walk_is_not_read(tmp_path: Path) -> None:
    write_tree(tmp_path, {"in/a.txt": "x", "out.txt": "secret"})
    sources = FileSources()
    (found,) = sources.walk(str(tmp_path / "in"))
    assert isinstance(found, FoundSource)
    (tmp_path / "in/a.txt").unlink()
    (tmp_path / "in/a.txt").symlink_to("../out.txt")
    assert sources.stat(found.address) is None
    with pytest.raises(UnreadableSource, match="link"):
        sources.fetch(found.address)


def test_a_folder_swapped_for_a_link_after_the_walk_is_not_entered(tmp_path: Path) -> None:
    write_tree(tmp_path, {"in/sub/a.txt": "x", "out/a.txt": "secret"})
    sources = FileSources()
    (found,) = sources.walk(str(tmp_path / "in"))
    assert isinstance(found, FoundSource)
    (tmp_path / "in/sub").rename(tmp_path / "in/old")
    (tmp_path / "in/sub").symlink_to("../out")
    with pytest.raises(UnreadableSource, match="link"):
        sources.fetch(found.address)


def test_a_root_that_is_itself_a_link_is_walked(tmp_path: Path) -> None:
    write_tree(tmp_path, {"real/a.txt": "x"})
    (tmp_path / "short").symlink_to("real")
    root = str(tmp_path / "short")
    address = SourceAddress(root + "/a.txt")
    walked = FileSources()
    assert [found.address for found in walked.walk(root) if isinstance(found, FoundSource)] == [address]
    assert walked.fetch(address) == FileSources(roots=[root]).fetch(address) == b"x"


def test_fifo_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.txt")
    assert (names(tmp_path), skipped(tmp_path)) == ([], {"a.txt": ("a pipe", False)})
    with pytest.raises(UnreadableSource, match="pipe"):
        FileSources().fetch(SourceAddress(str(tmp_path / "a.txt")))


def test_socket_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket may not be long
    with socket.socket(socket.AF_UNIX) as end:
        end.bind("a.txt")
        assert skipped(tmp_path) == {"a.txt": ("a socket", False)}
        with pytest.raises(UnreadableSource, match="socket"):
            FileSources().fetch(SourceAddress(str(tmp_path / "a.txt")))


def test_device_is_never_read() -> None:
    with pytest.raises(UnreadableSource, match="device"):
        FileSources().fetch(SourceAddress("/dev/zero"))


def test_unreadable_folder_and_file_are_problems(open_folder: Path) -> None:
    write_tree(open_folder, {"a/x.txt": "x", "b.txt": "x", "c.txt": "x"})
    (open_folder / "a").chmod(0)
    (open_folder / "b.txt").chmod(0)
    try:
        assert as_nobody(lambda: skipped(open_folder)) == {
            "a": ("permission denied", True),
            "b.txt": ("permission denied", True),
        }
        assert as_nobody(lambda: names(open_folder)) == ["c.txt"]
    finally:
        (open_folder / "a").chmod(0o755)


def test_a_root_without_permission_is_a_bad_path(open_folder: Path) -> None:
    (open_folder / "a").mkdir(mode=0)

    def message() -> str:
        try:
            FileSources().check_root(str(open_folder / "a"))
        except BadPath as error:
            return str(error)
        return ""

    try:
        assert "permission denied" in str(as_nobody(message))
    finally:
        (open_folder / "a").chmod(0o755)


@pytest.mark.parametrize(
    "name", [b"caf\xe9 \xff.txt", "имя.txt".encode(), b"a\nb\t\x1b[31m.txt", b" .txt", b"-rf", b"'\"$(x).md"]
)
def test_name_is_not_utf8_or_otherwise_odd(tmp_path: Path, name: bytes) -> None:
    path = os.path.join(os.fsencode(tmp_path), name)
    with open(path, "wb") as file:
        file.write(b"words")
    sources = FileSources()
    (found,) = sources.walk(str(tmp_path))
    assert isinstance(found, FoundSource)
    found.address.path.encode("utf-8")  # text that can be stored and printed
    assert os.fsencode(to_disk(found.address.path)) == path
    assert sources.fetch(found.address) == b"words"


def test_a_file_too_large_is_a_problem_told_in_words(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a.txt": "x" * 300_000, "b.txt": "x"})
    sources = FileSources(max_file_bytes=200_000)
    assert skipped(tmp_path, sources) == {"a.txt": ("too large: 0.3 MiB, the limit is 0.2 MiB", True)}
    with pytest.raises(UnreadableSource, match="too large"):
        sources.fetch(SourceAddress(str(tmp_path / "a.txt")))


def test_a_file_that_is_gone_is_gone(tmp_path: Path) -> None:
    address = SourceAddress(str(tmp_path / "a.txt"))
    assert FileSources().stat(address) is None
    with pytest.raises(UnreadableSource, match="gone"):
        FileSources().fetch(address)


@pytest.mark.parametrize("name", ["missing", "file.txt", "relative", "nul\0byte"])
def test_a_bad_root_is_refused_with_words(tmp_path: Path, name: str) -> None:
    write_tree(tmp_path, {"file.txt": "x"})
    with pytest.raises(BadPath) as caught:
        FileSources().walk(name if name == "relative" else str(tmp_path / name))
    assert caught.value.happened
    assert caught.value.remedy


def test_a_single_file_can_be_named(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a.txt": "x"})
    sources = FileSources()
    found = sources.single(str(tmp_path / "a.txt"))
    assert sources.stat(found.address) == found.stat
    (tmp_path / "link").symlink_to("a.txt")
    for name in ("", "missing", "link"):
        with pytest.raises(BadPath):
            sources.single(str(tmp_path / name))


def test_the_assistants_own_folders_are_left_out(tmp_path: Path) -> None:
    write_tree(tmp_path, {"store/a.txt": "x", "b.txt": "x"})
    sources = FileSources(own_folders=[str(tmp_path / "store")])
    assert (names(tmp_path, sources), skipped(tmp_path, sources)) == (
        ["b.txt"],
        {"store": ("the assistant's own files", False)},
    )
    with pytest.raises(BadPath):
        sources.check_root(str(tmp_path / "store"))


def test_very_deep_folders_end_without_a_crash(tmp_path: Path) -> None:
    levels = 1100  # more than the stack holds, and a path longer than the system takes
    folders = [os.open(tmp_path, os.O_RDONLY)]
    name = "deep"
    try:
        for _ in range(levels):
            os.mkdir(name, dir_fd=folders[-1])
            folders.append(os.open(name, os.O_RDONLY, dir_fd=folders[-1]))
            if len(folders) > 2:
                os.close(folders.pop(0))
        assert [reason for reason, problem in skipped(tmp_path).values() if problem] == ["file name too long"]
        assert sys.getrecursionlimit() < levels
    finally:
        for folder in folders:
            os.close(folder)
        _remove_deep(tmp_path, name)


def _remove_deep(folder: Path, name: str) -> None:
    """Take apart a chain of folders too deep to be named by one path: pull each next level up, drop the one above."""
    while (folder / name / name).exists():
        (folder / name / name).rename(folder / "next")
        (folder / name).rmdir()
        (folder / "next").rename(folder / name)
