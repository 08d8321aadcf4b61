from __future__ import annotations

import os
import random
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from assistant.contracts.documents import Document, FoundSource, SkippedPath, SourceAddress
from assistant.contracts.errors import UnreadableSource
from assistant.reading.history import commits, fetch_commit, read_commit
from assistant.reading.reader import FileReader
from assistant.reading.walking import FileSources

from .document_laws import check_laws
from .sources import FIRST_COMMIT_S, HOUR_S, chunk_texts, make_repository, write_tree

MESSAGES = [b"First step", "Второй шаг\n\nПодробности здесь.\n".encode(), b"Third\n"]


def problems(root: Path) -> list[str]:
    return [found.reason for found in FileSources().walk(str(root)) if isinstance(found, SkippedPath) and found.problem]


def commit_sources(root: Path) -> list[FoundSource]:
    found = FileSources().walk(str(root))
    return [source for source in found if isinstance(source, FoundSource) and source.address.commit]


@pytest.mark.parametrize("pack", [False, True])
def test_commits_come_newest_first(tmp_path: Path, pack: bool) -> None:
    hashes = make_repository(tmp_path, MESSAGES, pack=pack)
    found = list(commits(str(tmp_path), 10))
    assert [commit.sha for commit in found] == hashes[::-1]
    assert [commit.committed_s for commit in found] == [FIRST_COMMIT_S + number * HOUR_S for number in (2, 1, 0)]
    assert found[0].author == "Anna Жук <ann@example.org>"


def test_the_limit_is_kept(tmp_path: Path) -> None:
    hashes = make_repository(tmp_path, MESSAGES)
    assert [commit.sha for commit in commits(str(tmp_path), 2)] == hashes[:0:-1]
    assert list(commits(str(tmp_path), 0)) == []


def read(root: Path, sha: str) -> tuple[bytes, Document]:
    address = SourceAddress(str(root), sha)
    data = FileSources().fetch(address)
    document = FileReader().read(address, data)
    assert document is not None
    return data, document


def test_a_message_is_read_with_author_and_date(tmp_path: Path) -> None:
    data, document = read(tmp_path, make_repository(tmp_path, MESSAGES)[1])
    check_laws(data, document, verbatim=True)
    assert chunk_texts(document) == ["Второй шаг\n\nПодробности здесь."]
    assert document.chunks[0].header == "Author: Anna Жук; Date: 2023-11-15 00:13 +0100"
    assert (document.kind, document.title, document.language) == ("commit", "Второй шаг", "ru")
    assert document.timestamp == datetime.fromtimestamp(FIRST_COMMIT_S + HOUR_S, UTC)


def test_a_message_in_another_encoding_is_read(tmp_path: Path) -> None:
    message = "Починил сборку\n"
    data, document = read(tmp_path, make_repository(tmp_path, [message.encode("koi8_r")], encoding=b"KOI8-R")[0])
    check_laws(data, document, verbatim=True)
    assert document.text == message


def test_commits_follow_the_files_in_a_walk(tmp_path: Path) -> None:
    hashes = make_repository(tmp_path, MESSAGES)
    write_tree(tmp_path, {"z.txt": "words"})
    sources = FileSources()
    found = [source for source in sources.walk(str(tmp_path)) if isinstance(source, FoundSource)]
    assert [source.address.commit for source in found] == ["", *hashes[::-1]]
    assert [sources.stat(source.address) for source in found] == [source.stat for source in found]
    assert all(
        not source.address.commit
        for source in FileSources(history_limit=0).walk(str(tmp_path))
        if isinstance(source, FoundSource)
    )


def test_an_empty_repository_has_no_history(tmp_path: Path) -> None:
    make_repository(tmp_path, [])
    assert list(commits(str(tmp_path), 10)) == []
    assert problems(tmp_path) == []


def test_a_shallow_clone_ends_where_it_is_cut(tmp_path: Path) -> None:
    hashes = make_repository(tmp_path, MESSAGES)
    (tmp_path / ".git/objects" / hashes[0][:2] / hashes[0][2:]).unlink()
    assert [commit.sha for commit in commits(str(tmp_path), 10)] == [hashes[2], hashes[1]]


def test_a_submodule_inside_the_folder_is_read_through_its_git_file(tmp_path: Path) -> None:
    hashes = make_repository(tmp_path / "sub", MESSAGES)
    (tmp_path / "homes").mkdir()
    shutil.move(tmp_path / "sub/.git", tmp_path / "homes/.kept")
    (tmp_path / "sub/.git").write_text("gitdir: ../homes/.kept\n")
    assert [source.address for source in commit_sources(tmp_path)] == [
        SourceAddress(str(tmp_path / "sub"), sha) for sha in hashes[::-1]
    ]


def test_a_linked_worktree_uses_the_shared_objects(tmp_path: Path) -> None:
    hashes = make_repository(tmp_path / "main", MESSAGES)
    own = tmp_path / "main/.git/worktrees/two"
    write_tree(own, {"HEAD": hashes[1] + "\n", "commondir": "../..\n"})
    write_tree(tmp_path / "two", {".git": f"gitdir: {own}\n"})
    assert [commit.sha for commit in commits(str(tmp_path / "two"), 10)] == [hashes[1], hashes[0]]


def test_a_history_that_lies_outside_is_not_read(tmp_path: Path) -> None:
    make_repository(tmp_path / "outside", MESSAGES)
    write_tree(tmp_path / "inside", {".git": "gitdir: ../outside/.git\n", "a.txt": "words"})
    assert commit_sources(tmp_path / "inside") == []


def test_alternate_objects_are_not_followed(tmp_path: Path) -> None:
    hashes = make_repository(tmp_path / "outside", MESSAGES)
    make_repository(tmp_path / "inside", [b"own"])
    alternates = {"objects/info/alternates": f"{tmp_path}/outside/.git/objects\n", "HEAD": hashes[2] + "\n"}
    write_tree(tmp_path / "inside/.git", alternates)
    assert problems(tmp_path / "inside") == ["the commit HEAD names is missing or damaged"]


@pytest.mark.parametrize("name", ["HEAD", "packed-refs", "refs/heads/master", "objects/pack/pack-x.idx"])
def test_a_pipe_in_a_git_folder_does_not_hang(tmp_path: Path, name: str) -> None:
    make_repository(tmp_path, MESSAGES)
    target = tmp_path / ".git" / name
    target.unlink(missing_ok=True)
    os.mkfifo(target)
    assert len(problems(tmp_path)) == 1


def test_a_pipe_in_place_of_a_commit_does_not_hang(tmp_path: Path) -> None:
    sha = make_repository(tmp_path, MESSAGES)[2]
    place = tmp_path / ".git/objects" / sha[:2] / sha[2:]
    place.unlink()
    os.mkfifo(place)
    assert problems(tmp_path) == ["a commit object that is no small regular file"]


def test_hooks_and_configuration_are_never_run(tmp_path: Path) -> None:
    make_repository(tmp_path, MESSAGES)
    trap = f"#!/bin/sh\ntouch {tmp_path}/sprung\n"
    write_tree(tmp_path / ".git", {"hooks/post-checkout": trap, "hooks/fsmonitor": trap})
    (tmp_path / ".git/config").write_text(
        f"[core]\n fsmonitor = {tmp_path}/.git/hooks/fsmonitor\n[include]\n path = /dev/zero\n"
    )
    for hook in (tmp_path / ".git/hooks").iterdir():
        hook.chmod(0o755)
    assert len(commit_sources(tmp_path)) == 3
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("kind", ["pack", "idx"])
def test_damaged_object_stores_are_a_problem_and_never_a_crash(tmp_path: Path, kind: str) -> None:
    make_repository(tmp_path, [b"message %d" % number for number in range(20)], pack=True)
    (target,) = (tmp_path / ".git/objects/pack").glob(f"*.{kind}")
    target.chmod(0o644)
    whole = target.read_bytes()
    chance = random.Random(5)
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(6):
            data[chance.randrange(len(data))] = chance.randrange(256)
        target.write_bytes(data[: chance.choice([len(data), len(data) // 2, 20, 0])])
        assert all(isinstance(found, FoundSource | SkippedPath) for found in FileSources().walk(str(tmp_path)))
    assert problems(tmp_path)


def test_a_commit_swapped_for_another_is_refused(tmp_path: Path) -> None:
    hashes = make_repository(tmp_path, MESSAGES)
    objects = tmp_path / ".git/objects"
    place = objects / hashes[0][:2] / hashes[0][2:]
    place.chmod(0o644)
    place.write_bytes((objects / hashes[1][:2] / hashes[1][2:]).read_bytes())
    with pytest.raises(UnreadableSource, match="Checksum mismatch"):
        fetch_commit(str(tmp_path), hashes[0])


def test_a_commit_that_is_gone_is_gone(tmp_path: Path) -> None:
    make_repository(tmp_path, MESSAGES)
    address = SourceAddress(str(tmp_path), "0" * 40)
    assert FileSources().stat(address) is None
    with pytest.raises(UnreadableSource):
        FileSources().fetch(address)


@pytest.mark.parametrize(
    "data", [b"", b"tree x\n", b"tree x\n\n", b"tree x\n\n \n", b"author \xff <> 99999999999 +9999\n\n\0"]
)
def test_commits_without_words_give_no_document(data: bytes) -> None:
    assert read_commit("/x", data) is None


def test_an_impossible_date_is_no_date() -> None:
    data = b"tree x\nauthor A <a> 999999999999 +0000\n\nwords\n"
    document = read_commit("/x", data)
    assert document is not None
    assert document.timestamp is None
    check_laws(data, document, verbatim=True)
