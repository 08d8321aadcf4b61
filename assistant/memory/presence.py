"""Is a remembered folder there? Asks the disk, and what is remembered of the folder."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from assistant.core.absence import Away, Whereabouts, unseen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assistant.contracts.documents import RootSigns, SourceAddress
    from assistant.contracts.ports import Sources
    from assistant.memory.layout import RootRecord
    from assistant.memory.views import ReadView

SAMPLE = 256
"""So many sources are looked for before a folder that lies elsewhere is believed to be away."""


def away_in(view: ReadView, sources: Sources, root: RootRecord, now: RootSigns | None = None) -> tuple[Away, ...]:
    """What of a root is away at this moment. ``now``: how it was observed; it is observed here without."""

    def lost(path: str) -> bool:
        files = list(itertools.islice(_files(view, root.path, path), SAMPLE))
        return bool(files) and not any(sources.stat(address) for address in files)

    then = Whereabouts(root.path, root.device, frozenset(root.mounts))
    return unseen(then, now or sources.observe(root.path), lost)


def _files(view: ReadView, root: str, path: str) -> Iterator[SourceAddress]:
    for source in view.sources_within([path]):
        if source.root == root and not source.commit:
            yield source.address
