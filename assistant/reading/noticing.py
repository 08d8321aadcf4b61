"""Noticing: the folders that a walk goes into are watched, and what happens in them is told at once.

Only this module imports ``watchdog``, and of it only what speaks to inotify: its observers watch every folder below a
root (``node_modules``, ``.git/objects``), keep quiet when the system's limit is reached half-way, and do not tell of
lost events (docs/decisions/0011-watching.md). One thread for all roots; it sleeps while nothing happens.

A file is told of when it was closed after writing, made, moved, deleted, or may be read by others now. One that is held
open and written to is not, until it is closed: the check before an answer and the sweep see to those.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from watchdog.observers.inotify_c import CallbackId, InotifyConstants, InotifyFD, Mask

from assistant.contracts.errors import BadPath
from assistant.core.coalescing import Kind, Note
from assistant.core.filenames import is_within, to_disk, to_text
from assistant.core.looking import BUILDS, RULES
from assistant.reading.ignoring import file_rule
from assistant.reading.mounts import NETWORK, kind_of
from assistant.reading.polling import Poller
from assistant.reading.watched import NoticingStatistics, Root, WatchedRoot, refs_in, state_of

if TYPE_CHECKING:
    from watchdog.observers.inotify_c import InotifyEvent, WatchDescriptor

    from assistant.reading.traversing import Entered, EnteredKind

MOST_FOLDERS = 200_000
"""Watched at most, all roots together; a root that would be more is polled. One takes about 1 kB here, and 1 kB in the
kernel."""
POLL_EVERY_S = 60.0
_OWN_NAMES = frozenset((b"HEAD", b"packed-refs", b"index.lock", b"refs"))
"""What is told of among a repository's own files, beside the names of its branches."""
_OF = InotifyConstants
_MASK = Mask(
    _OF.IN_CREATE
    | _OF.IN_CLOSE_WRITE
    | _OF.IN_ATTRIB
    | _OF.IN_MOVED_FROM
    | _OF.IN_MOVED_TO
    | _OF.IN_DELETE
    | _OF.IN_DELETE_SELF
    | _OF.IN_MOVE_SELF
    | _OF.IN_ONLYDIR
    | _OF.IN_DONT_FOLLOW
    | _OF.IN_EXCL_UNLINK
)

Tell = Callable[[Note], None]


class Folders(Protocol):
    """Who knows which folders a walk goes into: see :meth:`assistant.reading.walking.FileSources.folders`."""

    def folders(self, root: str, path: str) -> Iterator[Entered]:
        """Each before it is listed. Raises :class:`~assistant.contracts.errors.BadPath`."""
        ...


class Noticer:
    """``tell`` is called from a thread of ours, and must be quick and raise nothing; ``clock``: what the notes are
    dated by. ``most_folders`` and ``poll_every_s``: as above. Every method may be called from any thread."""

    def __init__(
        self,
        folders: Folders,
        tell: Tell,
        clock: Callable[[], float] = time.monotonic,
        *,
        most_folders: int = MOST_FOLDERS,
        poll_every_s: float = POLL_EVERY_S,
    ) -> None:
        self._folders = folders
        self._tell = tell
        self._clock = clock
        self._most = most_folders
        self._poll_every_s = poll_every_s
        self._lock = threading.RLock()
        self._roots: dict[str, Root[_Folder]] = {}
        self._poller = Poller(poll_every_s, self._poll)
        self._moving: tuple[int, str] | None = None
        self._notes = self._overflows = 0
        self._no_inotify = ""
        self._inotify: InotifyFD | None = None
        try:
            self._inotify = InotifyFD()
            self._inotify.name = "noticer"
            self._inotify.start()
        except OSError as error:
            self._no_inotify = f"inotify cannot be used ({error.strerror})"

    # for the caller

    def watch(self, root: str) -> WatchedRoot:
        """Watch a folder (absolute) from now on; what changed before is for a scan to find. One that is not there is
        watched when it has come, see :meth:`reconcile`."""
        with self._lock:
            known = self._roots.get(root)
            if known is None:
                known = self._roots[root] = Root(root, to_disk(root))
        self._begin(known)
        return known.told()

    def unwatch(self, root: str) -> None:
        """Nothing is told of this root any more."""
        with self._lock:
            known = self._roots.pop(root, None)
        if known is not None:
            self._poller.forget(root)
            self._release(known.all_folders())

    def reconcile(self) -> tuple[str, ...]:
        """Look after the roots themselves: one that went is let go, one that came (or lies on another disk now, or has
        got another one mounted in it) is watched anew. Cheap: for a sweep every few minutes. Returns the roots that
        changed so; of each it was told that all of it must be looked at."""
        changed = []
        for root in list(self._roots.values()):
            state = state_of(root.disk)
            if state == root.state:
                continue
            changed.append(root.path)
            self._release(root.all_folders())
            self._begin(root)
            self._say(root, root.path, "whole")
        return tuple(changed)

    def statistics(self) -> NoticingStatistics:
        with self._lock:
            told = tuple(root.told() for root in self._roots.values())
        return NoticingStatistics(told, self._notes, self._overflows, self._poll_every_s)

    def told(self) -> list[str]:
        """See :meth:`~assistant.reading.watched.NoticingStatistics.told`."""
        return self.statistics().told()

    def close(self) -> None:
        """Tell nothing more; our threads have ended on return (unless called from one)."""
        self._poller.close()
        with self._lock:
            self._roots.clear()
        if self._inotify is not None:
            self._inotify.stop()
            if threading.current_thread() is not self._inotify:
                self._inotify.join()

    # watching

    def _begin(self, root: Root[_Folder]) -> None:
        root.state = state_of(root.disk)
        root.how, root.reason = "inotify", ""
        self._poller.forget(root.path)
        if root.state is None:
            root.how, root.reason = "away", "it is not there"
            return
        kind = kind_of(os.path.realpath(root.disk))
        if self._no_inotify or kind in NETWORK:
            self._fall_back(root, self._no_inotify or f"others change it unseen (it is a network folder, {kind})")
            return
        try:
            self._cover(root, root.disk)
        except BadPath as error:
            root.how, root.reason, root.state = "away", error.happened.rstrip("."), None
            return
        for mount in root.state[2] if root.how == "inotify" else ():
            if mount != root.disk and kind_of(mount) in NETWORK:
                self._poller.add(root.path, to_text(mount))

    def _cover(self, root: Root[_Folder], path: str) -> set[str]:
        """Watch every folder at or below ``path`` that is not watched yet; returns them all. Raises BadPath."""
        found = set[str]()
        for entered in self._folders.folders(root.path, to_text(path)):
            if entered.kind == "folder":
                found.add(entered.path)
                going_on = self._add(root, entered.path, "folder", "")
            else:
                refs = refs_in(entered.path)
                found.update(refs)
                going_on = sum(self._add(root, one, entered.kind, entered.path) for one in refs) == len(refs)
            if not going_on:
                break
        return found

    def _add(self, root: Root[_Folder], path: str, kind: EnteredKind, home: str) -> bool:
        """Watch one folder; ``False``: no more of them."""
        folder = root.folders.get(path)
        if folder is not None:
            folder.kind, folder.home = kind, home
            return True
        if self._inotify is None:
            return False
        folder = _Folder(self, root, path, kind, home)
        with self._lock:
            if self._roots.get(root.path) is not root or root.how != "inotify":
                return False
            if sum(len(one.folders) for one in self._roots.values()) >= self._most:
                reason = f"more than {self._most} folders are not watched"
            else:
                try:
                    folder.wd = self._inotify.add_callback(os.fsencode(path), _MASK, folder, folder.id)
                    if folder.wd < 0:  # may not be read; the library keeps it under that number all the same
                        self._inotify.remove_callbacks([(folder.wd, folder.id)])
                    else:
                        root.folders[path] = folder
                    return True
                except OSError as error:
                    if error.errno not in (errno.ENOSPC, errno.ENOMEM):
                        return True  # gone meanwhile
                    reason = "the system's limit of watched folders (fs.inotify.max_user_watches) is reached"
        self._release(root.all_folders())
        self._fall_back(root, reason)
        return False

    def _fall_back(self, root: Root[_Folder], reason: str) -> None:
        root.how, root.reason = "polling", reason
        self._poller.add(root.path, root.path)

    def _release(self, folders: list[_Folder]) -> None:
        with self._lock:
            for folder in folders:
                if folder.root.folders.get(folder.path) is folder:
                    del folder.root.folders[folder.path]
        if self._inotify is not None and folders:
            self._inotify.remove_callbacks([(folder.wd, folder.id) for folder in folders if not folder.ended])

    def _cover_again(self, root: Root[_Folder], path: str) -> None:
        """After the rules have changed: watch what a walk goes into now, and nothing else."""
        try:
            wanted = self._cover(root, path)
        except BadPath:
            return
        if root.how == "inotify":
            self._release([one for one in root.all_folders() if is_within(one.path, path) and one.path not in wanted])

    # what happens

    def _say(self, root: Root[_Folder], path: str, kind: Kind, moved_to: str = "") -> None:
        with self._lock:
            if self._roots.get(root.path) is not root:
                return
            self._notes += 1
        self._tell(Note(root.path, to_text(path), kind, self._clock(), to_text(moved_to)))

    def _poll(self, root: str, path: str) -> None:
        known = self._roots.get(root)
        if known is not None:
            self._say(known, to_disk(path), "whole" if path == root else "changed")

    def _happened(self, folder: _Folder, event: InotifyEvent) -> None:
        root, mask = folder.root, event.mask
        if not event.name:
            if folder.path == root.disk:
                self._root_happened(root, mask)
            elif mask & _OF.IN_UNMOUNT:
                self._say(root, folder.path, "gone")
            return
        path = f"{folder.path.rstrip('/')}/{os.fsdecode(event.name)}"
        if folder.kind == "folder":
            if mask & _OF.IN_ISDIR:
                self._folder_happened(root, path, mask)
            else:
                self._file_happened(root, path, event)
        elif folder.path != folder.home or event.name in _OWN_NAMES:
            self._repository_happened(folder, path, event)

    def _root_happened(self, root: Root[_Folder], mask: int) -> None:
        if mask & (_OF.IN_DELETE_SELF | _OF.IN_MOVE_SELF | _OF.IN_UNMOUNT):
            self._release(root.all_folders())
            root.how, root.reason, root.state = "away", "it is not there", None
            self._say(root, root.path, "whole")
        elif mask & _OF.IN_ATTRIB:
            self._say(root, root.path, "whole")

    def _folder_happened(self, root: Root[_Folder], path: str, mask: int) -> None:
        if mask & _OF.IN_MOVED_FROM:  # where it went it is watched anew
            self._release([one for one in root.all_folders() if is_within(one.path, path)])
        elif mask & (_OF.IN_CREATE | _OF.IN_MOVED_TO):
            self._cover_new(root, path)
        gone = mask & (_OF.IN_MOVED_FROM | _OF.IN_DELETE)
        self._say(root, path, "gone" if gone else "changed" if mask & _OF.IN_ATTRIB else "created")

    def _cover_new(self, root: Root[_Folder], path: str) -> None:
        """Only then it is told of: what came into it before its watch is found by whoever looks."""
        name = os.path.basename(path)
        if name == ".git":
            self._cover_refs(root, path, "git")
        elif name in RULES:  # ``refs`` or ``objects``: it may make a repository of the folder it is in
            self._cover_again(root, os.path.dirname(path))
        else:
            with suppress(BadPath):
                self._cover(root, path)

    def _cover_refs(self, root: Root[_Folder], home: str, kind: EnteredKind) -> None:
        """Watch a repository's own folders; looked for once more after that, until nothing came in between."""
        while True:
            known = set(root.folders)
            for one in refs_in(home):
                self._add(root, one, kind, home)
            if set(root.folders) <= known:
                return

    def _file_happened(self, root: Root[_Folder], path: str, event: InotifyEvent) -> None:
        mask, name = event.mask, os.path.basename(path)
        never = file_rule(name) is not None
        moved_from, self._moving = self._moving, None
        if mask & _OF.IN_MOVED_FROM:
            self._moving = (event.cookie, "" if never else path)
        if not never:
            if mask & (_OF.IN_MOVED_FROM | _OF.IN_DELETE):
                self._say(root, path, "gone")
            elif mask & _OF.IN_MOVED_TO and moved_from is not None and moved_from[0] == event.cookie and moved_from[1]:
                self._moved(root, moved_from[1], path)
            else:
                self._say(root, path, "created" if mask & _OF.IN_CREATE else "changed")
        if name in RULES or name in BUILDS or name == ".git":
            self._cover_again(root, os.path.dirname(path))

    def _moved(self, root: Root[_Folder], source: str, target: str) -> None:
        if is_within(source, root.disk):
            self._say(root, source, "moved", target)
        else:
            self._say(root, target, "changed")

    def _repository_happened(self, folder: _Folder, path: str, event: InotifyEvent) -> None:
        """Among a repository's own files. Of a bare one it is told as a change of its folder."""
        root, mask = folder.root, event.mask
        if event.name.endswith(b".lock") and event.name != b"index.lock":
            return
        if mask & _OF.IN_ISDIR and mask & (_OF.IN_CREATE | _OF.IN_MOVED_TO):
            self._cover_refs(root, folder.home, folder.kind)
        if folder.kind == "git":
            gone = mask & (_OF.IN_MOVED_FROM | _OF.IN_DELETE)
            self._say(root, path, "gone" if gone else "changed")
        else:
            self._say(root, folder.home, "changed")

    def _overflowed(self, root: Root[_Folder]) -> None:
        self._overflows += 1
        self._cover_again(root, root.disk)
        self._say(root, root.path, "whole")


class _Folder:
    """One watched folder; what the library calls back. ``kind``: "folder", or "git" and "repository" for the own files
    of a repository (see :class:`~assistant.reading.traversing.Entered`), which lie in ``home``."""

    __slots__ = ("_noticer", "ended", "home", "kind", "path", "root", "wd")

    def __init__(self, noticer: Noticer, root: Root[_Folder], path: str, kind: EnteredKind, home: str) -> None:
        self._noticer = noticer
        self.root = root
        self.path = path
        self.kind = kind
        self.home = home
        self.wd: WatchDescriptor
        self.ended = False

    @property
    def id(self) -> CallbackId:
        return CallbackId(id(self))

    def on_event(self, event: InotifyEvent) -> None:
        """Something happened in it, or to it."""
        if self.root.folders.get(self.path) is self:
            self._noticer._happened(self, event)

    def on_watch_deleted(self, wd: WatchDescriptor) -> None:
        """It is gone, and its watch with it."""
        del wd
        self.ended = True
        if self.root.folders.get(self.path) is self:
            self.root.folders.pop(self.path, None)

    def on_queue_overflow(self) -> None:
        """The kernel threw events away: of no folder it is known what happened there."""
        if self.path == self.root.disk:
            self._noticer._overflowed(self.root)
