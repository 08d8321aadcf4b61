"""What is said of one path is what a walk says of it: for files, folders, links, repositories, and for the fake."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, example, given, settings

from assistant.contracts.documents import FoundSource, SkippedPath
from assistant.contracts.errors import BadPath
from assistant.contracts.ports import Sources
from assistant.core.filenames import is_within
from assistant.reading.ignoring import TELLING_NAMES
from assistant.reading.walking import FileSources
from assistant.testing.memory_sources import TransientSources

from .sources import write_tree

NAMES = ("a", "b.md", "src", "target", "node_modules", ".hidden", "key.pem", "id_rsa", "x.log", *sorted(TELLING_NAMES))
TEXTS = ("", "text", "*.log\n!keep.log\n", "/src\n", "b.md\n", "-----BEGIN PRIVATE KEY-----", "x" * 300)
names = st.sampled_from(NAMES)
leaves = st.sampled_from(TEXTS) | st.sampled_from([None, 1, 2, 3])  # a pipe, or a link to somewhere
trees = st.recursive(
    st.dictionaries(names, leaves, max_size=4),
    lambda deeper: st.dictionaries(names, leaves | deeper, max_size=5),
    max_leaves=24,
)
TARGETS = {1: "/etc/hostname", 2: "a", 3: "src"}


def grow(folder: str, tree: dict[str, object]) -> None:
    for name, what in tree.items():
        path = os.path.join(folder, name)
        if isinstance(what, dict):
            os.mkdir(path)
            grow(path, what)
        elif isinstance(what, str):
            Path(path).write_text(what)
        elif isinstance(what, int):
            os.symlink(TARGETS[what], path)
        else:
            os.mkfifo(path)


def path_of(found: FoundSource | SkippedPath) -> str:
    return found.path if isinstance(found, SkippedPath) else found.address.path


def paths_in(root: str) -> Iterator[str]:
    yield root
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files, "nothing"):
            yield os.path.join(folder, name)


def assert_looks_like_a_walk(sources: Sources, root: str, paths: Iterator[str] | list[str]) -> None:
    walked = list(sources.walk(root))
    asked = list(paths)
    histories = {path: list(sources.history(root, path)) for path in asked}
    for path in asked:
        elsewhere = [found for folder, told in histories.items() if not is_within(folder, path) for found in told]
        wanted = [found for found in walked if is_within(path_of(found), path) and found not in elsewhere]
        told_here = [found for folder, told in histories.items() if is_within(folder, path) for found in told]
        wanted += [found for found in walked if found in told_here and found not in wanted]
        assert sorted(map(str, sources.look(root, path))) == sorted(map(str, wanted)), path
    for found in walked:
        if isinstance(found, FoundSource) and found.address.commit:
            assert found in histories[found.address.path]


@given(trees)
@example({"a": {"HEAD": "", "objects": {}, "refs": {}, "b.md": "text"}, "src": {".git": "gitdir: ../a"}})
@example({"src": {"pyvenv.cfg": "", "a": {"b.md": "text"}}, "pyvenv.cfg": "", "b.md": "text"})
@example({"Cargo.toml": "text", "target": {"b.md": "text"}, "src": {"target": {"b.md": "text"}}})
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_look_is_a_piece_of_a_walk(tree: dict[str, object]) -> None:
    with tempfile.TemporaryDirectory() as root:
        grow(root, tree)
        sources = FileSources(max_file_bytes=200, own_folders=[os.path.join(root, "a")])
        assert_looks_like_a_walk(sources, root, paths_in(root))


@pytest.mark.parametrize("name", ["files", "transient"])
def test_conformance(name: str, tmp_path: Path) -> None:
    tree = {"a.md": "a", "sub/b.md": "b", "sub/deep/c.md": "c", "sub.md": "d"}
    if name == "files":
        write_tree(tmp_path, tree)
        sources: Sources = FileSources()
    else:
        sources = TransientSources({f"{tmp_path}/{path}": text.encode() for path, text in tree.items()})
    root = str(tmp_path)
    assert [path_of(one) for one in sources.look(root, f"{root}/sub")] == [f"{root}/sub/b.md", f"{root}/sub/deep/c.md"]
    asked = [root, "/elsewhere", *(f"{root}/{path}" for path in (*tree, "sub", "sub/deep", "su", "none/x"))]
    assert_looks_like_a_walk(sources, root, asked)
    assert sources.observe(root).problem is None
    for ask in (sources.walk, lambda gone: sources.look(gone, f"{gone}/a"), lambda gone: sources.history(gone, gone)):
        with pytest.raises(BadPath):
            list(ask("/nowhere/at/all"))
    assert sources.observe("/nowhere/at/all").problem == "it is gone"


def test_a_folder_that_may_be_listed_and_not_entered(tmp_path: Path) -> None:
    from .test_walking import as_nobody

    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.geteuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o755)
    write_tree(tmp_path, {"listed/a.md": "a", "listed/pyvenv.cfg": "", "closed/a.md": "a", "unread/a.md": "a"})
    (tmp_path / "listed").chmod(0o744)
    (tmp_path / "closed").chmod(0o700)
    (tmp_path / "unread/a.md").chmod(0o600)
    root = str(tmp_path)

    def compare() -> object:
        sources = FileSources()
        paths = [f"{root}/{at}" for at in ("listed", "listed/a.md", "closed", "closed/a.md", "unread", "unread/a.md")]
        walked = list(sources.walk(root))
        return [
            (path, len(list(sources.look(root, path))))
            for path in paths
            if list(sources.look(root, path)) != [found for found in walked if is_within(path_of(found), path)]
        ]

    assert as_nobody(compare) == []
    (tmp_path / "listed/pyvenv.cfg").unlink()
    assert as_nobody(compare) == []


def test_the_history_of_one_repository_only(tmp_path: Path) -> None:
    from dulwich import porcelain

    for name in ("one", "two"):
        porcelain.init(str(tmp_path / name))
        write_tree(tmp_path / name, {"a.md": name})
        porcelain.add(str(tmp_path / name), [str(tmp_path / name / "a.md")])
        porcelain.commit(
            str(tmp_path / name), message=f"commit {name}".encode(), author=b"A <a@b>", committer=b"A <a@b>"
        )
    root, sources = str(tmp_path), FileSources()
    walked = [found for found in sources.walk(root) if isinstance(found, FoundSource) and found.address.commit]
    assert len(walked) == 2
    for commit in walked:
        assert list(sources.history(root, commit.address.path)) == [commit]
    assert list(sources.history(root, f"{root}/one/.git")) == []
    assert list(sources.look(root, f"{root}/one/.git/HEAD")) == []
    assert walked[0] in list(sources.look(root, f"{root}/one"))
    shutil.rmtree(tmp_path / "one/.git")
    assert list(sources.history(root, f"{root}/one")) == []


def test_folders_are_those_a_walk_goes_into(tmp_path: Path) -> None:
    tree = [
        "a/b/x.md",
        "node_modules/x/y.md",
        ".git/objects/x",
        "gone/x.md",
        ".hidden/x.md",
        "env/pyvenv.cfg",
        "env/l/x",
    ]
    write_tree(tmp_path, dict.fromkeys(tree, "x") | {".gitignore": "gone/\n", "bare/HEAD": "x"})
    (tmp_path / "bare/objects").mkdir()
    (tmp_path / "bare/refs").mkdir()
    sources, root = FileSources(), str(tmp_path)
    found = {(os.path.relpath(one.path, root), one.kind) for one in sources.folders(root, root)}
    assert found == {
        *((name, "folder") for name in (".", "a", "a/b", "bare", "env")),
        (".git", "git"),
        ("bare", "repository"),
    }
    below = [os.path.relpath(one.path, root) for one in sources.folders(root, f"{root}/a")]
    assert below == ["a", "a/b"]
    for path in ("gone", "gone/x.md", "node_modules/x", ".git/objects", "a/b/x.md", "nowhere", ".."):
        assert list(sources.folders(root, os.path.normpath(f"{root}/{path}"))) == []
