"""The roll call: which remembered folders are there and which are away, so that no pulled cable makes us forget.

One is made for one scan or look; what it finds is noted in the memory when it is done.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from assistant.core.absence import Away, emptied, is_away, mounts_in_use
from assistant.memory.layout import AwayRecord
from assistant.memory.presence import away_in

if TYPE_CHECKING:
    from assistant.actors.steps import Tally
    from assistant.contracts.documents import RootSigns
    from assistant.contracts.ports import Sources
    from assistant.memory.fabric import Fabric
    from assistant.memory.layout import SourceRecord


class RollCall:
    """``confirmed``: a person has named the folder, and wants it remembered as it is now, even if it shows nothing."""

    def __init__(self, fabric: Fabric, sources: Sources, *, confirmed: bool = False) -> None:
        self._fabric = fabric
        self._sources = sources
        self._confirmed = confirmed
        self._signs: dict[str, RootSigns] = {}
        self._away: dict[str, tuple[Away, ...]] = {}

    def can_be_seen(self, root: str) -> bool:
        """Whether a root can be looked into."""
        if root not in self._signs:
            self._signs[root] = signs = self._sources.observe(root)
            if signs.problem is not None or self._was_away(root):
                self._call(root, signs)
        return not any(one.path == root and self._signs[root].problem for one in self._away.get(root, ()))

    def lost(self, root: str) -> None:
        """A root that could be seen just now cannot any more."""
        self._signs.pop(root, None)
        if self.can_be_seen(root):  # it is there again: the next look will tell
            self._away[root] = (Away(root, "away: it was not there for a moment"),)

    def really_gone(self, missed: Sequence[SourceRecord], tally: Tally) -> list[SourceRecord]:
        """Those of ``missed`` (remembered, and not met where they were) that are gone, and not just away."""
        left = [one for one in missed if not is_away(one.path, [Away(path, "") for path in tally.unreached])]
        for root in dict.fromkeys(one.root for one in left):
            self._call(root, self._sources.observe(root))
            if not is_away(root, self._away[root]):
                self._refuse_emptying(root, [one for one in left if one.root == root], tally)
        return [one for one in left if not is_away(one.path, self._away[one.root])]

    def _call(self, root: str, signs: RootSigns) -> None:
        with self._fabric.records.read() as view:
            remembered = view.root(root)
            found = away_in(view, self._sources, remembered, signs) if remembered is not None else ()
        self._signs[root], self._away[root] = signs, found

    def _refuse_emptying(self, root: str, missed: Sequence[SourceRecord], tally: Tally) -> None:
        if root in tally.shown:
            return
        doomed = {one.address for one in missed}
        with self._fabric.records.read() as view:
            others = (
                one.address
                for one in view.sources_within([root])
                if one.root == root and not one.commit and one.problem is None and one.address not in doomed
            )
            # One that is there, and left out by a new rule, is something shown too.
            shows = any(self._sources.stat(address) is not None for address in itertools.chain(doomed, others))
        found = emptied(root, sum(one.problem is None for one in missed), shows_any=shows, confirmed=self._confirmed)
        if found is not None:
            self._away[root] = (found,)

    def _was_away(self, root: str) -> bool:
        remembered = self._fabric.records.fetch(lambda view: view.root(root))
        return remembered is not None and bool(remembered.away)

    def told(self) -> tuple[tuple[str, str], ...]:
        """What is away, each a path and a reason."""
        return tuple((one.path, one.reason) for found in self._away.values() for one in found)

    def note(self, folders: Iterable[str] = (), *, whole: str | None = None) -> None:
        """Remember what is away. ``whole``: a root that was walked from end to end; then it is remembered too where it
        lies, and which of the mounts in it hold one of ``folders``."""
        for root in {*self._away, *([whole] if whole is not None else [])}:
            before = self._fabric.records.fetch(lambda view, root=root: view.root(root))  # type: ignore[misc]
            if before is None:
                continue
            away = self._away.get(root, ())
            changes: dict[str, object] = {"away": tuple(AwayRecord(path=one.path, reason=one.reason) for one in away)}
            signs = self._signs.get(root)
            if root == whole and signs is not None and not is_away(root, away):
                missing = {one.path for one in away}
                kept = {mount for mount in before.mounts if is_away(mount, away)}
                changes["device"] = signs.device
                changes["mounts"] = tuple(sorted({*mounts_in_use(signs.mounts, folders), *kept, *missing}))
            after = before.model_copy(update=changes)
            if after != before:
                self._fabric.settle_root(after)
