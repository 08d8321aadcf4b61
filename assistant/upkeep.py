"""Upkeep of a store as a whole, while no other process owns it: check and repair, backup, restore."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.app import Progress, open_assistant
from assistant.clock import SystemClock
from assistant.contracts.errors import DamagedStore
from assistant.contracts.events import Listener
from assistant.contracts.program import VERSION
from assistant.locations import locate

if TYPE_CHECKING:
    from assistant.contracts.reports import CheckReport
    from assistant.memory.backup import BackupReport
    from assistant.memory.restoring import RestoreReport


def check_store(
    *, full: bool, repair: bool, progress: Progress, listener: Listener, stop: threading.Event
) -> CheckReport:
    """:meth:`Assistant.check` of this user's memory. With ``repair``, records that are damaged themselves are mended
    in a copy, or set aside and the remembered folders read anew; nothing is deleted."""
    from assistant.memory.repairing import Mending, mend_or_set_aside

    mending = Mending()
    for last in (False, True):
        try:
            with open_assistant(listener=listener, stop=stop) as assistant:
                if mending.roots:
                    assistant.add(mending.roots)
                    mending.roots = []
                return mending.told_in(assistant.check(full=full, repair=repair, progress=progress))
        except DamagedStore:
            if last or not repair:
                raise
        places = locate()
        mending = mend_or_set_aside(places.store, places.set_aside, progress=progress, should_stop=stop.is_set)
    raise AssertionError("unreachable")


def back_up_store(target: Path, *, replace: bool, progress: Progress, stop: threading.Event) -> BackupReport:
    """Write a backup of this user's memory to one file; see :func:`assistant.memory.backup.back_up`."""
    from assistant.memory.backup import back_up

    return back_up(
        locate().store,
        target,
        replace=replace,
        made_at=SystemClock().now(),
        program=VERSION,
        progress=progress,
        should_stop=stop.is_set,
    )


def restore_store(file: Path, *, progress: Progress, listener: Listener, stop: threading.Event) -> RestoreReport:
    """Put a backup in the place of this user's memory and make its indexes; see
    :func:`assistant.memory.restoring.restore`."""
    from assistant.memory.restoring import restore

    report = restore(file, locate().store, progress=progress, should_stop=stop.is_set)
    progress("Making the indexes", 0, 0)
    with open_assistant(listener=listener, stop=stop) as assistant:
        return report.model_copy(update={"pending": assistant.status().pending_vectors})
