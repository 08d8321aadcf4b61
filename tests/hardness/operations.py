"""Everything that writes, each as a step that is prepared, done and looked at: to be done on disks that refuse."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from memory.world import embed_all, opened, remember, state_of

from assistant.contracts.documents import SourceAddress
from assistant.contracts.errors import BadFile, BadPath, DataError
from assistant.memory.container import open_backup
from assistant.memory.durable import SystemDisk, using
from assistant.memory.fabric import Fabric
from assistant.memory.repairing import mend_records
from hardness.stored import ENCODER, FILES, backed_up, furnish, is_right, restored, unseen

MORE = {"/r/0.md": "number changed", "/r/new.md": "number new\nnothing else" + " filler" * 3000}
GROWN = {**FILES, **MORE}
LESS = {path: text for path, text in FILES.items() if not path.startswith("/r/1")}


@dataclass(frozen=True)
class Operation:
    """``act`` does its work on a place that :func:`furnish_place` made; it is a generator that yields once, when it is
    ready to begin, and gives the fabric it works on. ``states`` are the memories it may leave when it fails; the last
    is the one it leaves when it does not."""

    act: Callable[[Path], Iterator[Fabric | None]]
    states: tuple[dict[str, str], ...] = (FILES,)


def furnish_place(place: Path) -> None:
    """``memory`` (closed in order, one text without its vector), ``backup`` of a larger one, and ``broken``: a memory
    whose derived records contradict the others."""
    furnish(place / "memory")
    furnish(place / "other", GROWN)
    backed_up(place / "other", place / "backup")
    shutil.rmtree(place / "other")


def _add(place: Path) -> Iterator[Fabric]:
    fabric = opened(place / "memory", ENCODER)
    yield fabric
    remember(fabric, MORE)


def _embed(place: Path) -> Iterator[Fabric]:
    fabric = opened(place / "memory", ENCODER)
    remember(fabric, MORE)
    yield fabric
    embed_all(fabric, ENCODER)


def _forget(place: Path) -> Iterator[Fabric]:
    fabric = opened(place / "memory", ENCODER)
    yield fabric
    with fabric.records.read() as view:
        sources = [source for source in view.sources() if source.path.startswith("/r/1")]
    fabric.forget(sources, [])


def _publish(place: Path) -> Iterator[Fabric]:
    fabric = opened(place / "memory", ENCODER)
    fabric.vectors.rebuild()
    yield fabric
    fabric.publish()
    fabric.records.trim_journal(fabric.vectors.published)


def _compact(place: Path) -> Iterator[Fabric]:
    fabric = opened(place / "memory", ENCODER)
    yield fabric
    fabric.records.compact()


def _reread(place: Path) -> Iterator[Fabric]:
    fabric = opened(place / "memory", ENCODER)
    yield fabric
    fabric.distrust([SourceAddress("/r/3.md")])
    fabric.rebuild_terms()
    fabric.rebuild_vectors()


def _open(place: Path) -> Iterator[None]:
    shutil.rmtree(place / "memory" / "terms")
    shutil.rmtree(place / "memory" / "vectors")
    yield None
    opened(place / "memory", ENCODER).close()


def _back_up(place: Path) -> Iterator[None]:
    yield None
    backed_up(place / "memory", place / "new backup")


def _back_up_again(place: Path) -> Iterator[None]:
    shutil.copy(place / "backup", place / "new backup")
    yield None
    backed_up(place / "memory", place / "new backup", replace=True)


def _restore(place: Path) -> Iterator[None]:
    yield None
    restored(place / "backup", place / "memory")


def _mend(place: Path) -> Iterator[None]:
    yield None
    mend_records(place / "memory", place / "shelf", progress=unseen)


OPERATIONS = {
    "add": Operation(_add, (FILES, GROWN)),
    "embed": Operation(_embed, (GROWN,)),
    "forget": Operation(_forget, (FILES, LESS)),
    "publish": Operation(_publish),
    "compact": Operation(_compact),
    "read again": Operation(_reread),
    "open": Operation(_open),
    "back up": Operation(_back_up),
    "back up again": Operation(_back_up_again),
    "restore": Operation(_restore, (FILES, GROWN)),
    "repair": Operation(_mend),
}
STARTS_CHILDREN = {"back up", "back up again", "restore", "repair"}


def attempt(name: str, place: Path, ready: Callable[[], None], over: Callable[[], None]) -> str:
    """Do an operation between ``ready`` and ``over``; says what went wrong, in our words, or "". Anything that is not
    one of our errors comes out as it is."""
    steps = OPERATIONS[name].act(place)
    fabric = next(steps)
    failure = ""
    ready()
    try:
        next(steps, None)
    except DataError as error:
        failure = _in_words(error)
        if fabric is not None:
            state_of(fabric)  # it can still be read
    try:
        if fabric is not None:
            fabric.close()
    except DataError as error:
        failure = failure or _in_words(error)
    over()
    return failure


def _in_words(error: DataError) -> str:
    """What it says, which must be something."""
    assert error.happened
    assert error.kept or error.remedy, error.happened
    return f"{type(error).__name__}: {error}"


def looked_at(name: str, place: Path, failure: str) -> None:
    """See that a place is as it may be after an operation that failed, or did not (``failure`` is "")."""
    states = OPERATIONS[name].states
    fabric = opened(place / "memory", ENCODER)
    try:
        held = state_of(fabric)
        allowed = states if failure else states[-1:]
        found = [state for state in allowed if held == {path: text.split("\n") for path, text in state.items()}]
        assert found, f"{name}, {failure}: holds {sorted(held)[:3]}... ({len(held)})"
        embed_all(fabric, ENCODER)
        is_right(fabric, found[0])
    finally:
        fabric.close()
    left = [path for path in place.rglob("*") if path.name.endswith((".tmp", ".new", ".old"))]
    assert left == [], left
    if (place / "new backup").exists():
        try:
            with open_backup(place / "new backup") as backup:
                for _ in backup.data():
                    pass
        except (BadFile, BadPath) as error:
            raise AssertionError(f"half a backup: {error}") from error


def done_again(name: str, place: Path) -> None:
    """The next run continues."""
    (place / "new backup").unlink(missing_ok=True)
    with using(SystemDisk()):
        again = attempt(name, place, lambda: None, lambda: None)
    assert again == "", again
    looked_at(name, place, "")
