"""What is mounted where, as Linux tells it; elsewhere nothing is known."""

from __future__ import annotations

import re
from dataclasses import dataclass

from assistant.core.filenames import is_within

_TABLE = "/proc/self/mountinfo"
_ESCAPED = re.compile(r"\\([0-7]{3})")
_SEPARATOR = "-"
NETWORK = frozenset(
    (
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "ceph", "glusterfs", "lustre", "gpfs", "beegfs"),
        *("9p", "vboxsf", "vmhgfs", "prl_fs", "davfs", "orangefs", "fuse.sshfs", "fuse.rclone", "fuse.glusterfs"),
        *("fuse.s3fs", "fuse.davfs2", "fuse.gvfsd-fuse", "fuse.vmhgfs-fuse"),
    )
)
"""File systems that others change without this machine hearing of it."""


@dataclass(frozen=True, slots=True)
class Mount:
    """``path`` as the disk spells it; ``kind``: of file system ("ext4", "nfs4")."""

    path: str
    kind: str


def mounts() -> list[Mount]:
    """Everything that is mounted, what was mounted last comes last; nothing when the system does not tell."""
    try:
        with open(_TABLE, encoding="utf-8", errors="surrogateescape") as table:
            lines = table.readlines()
    except OSError:
        return []
    found = []
    for line in lines:
        fields = line.split(" ")
        if len(fields) > 4 and _SEPARATOR in fields[6:]:
            kind = fields[fields.index(_SEPARATOR, 6) + 1]
            found.append(Mount(_ESCAPED.sub(lambda match: chr(int(match[1], 8)), fields[4]), kind))
    return found


def mounts_below(root: str) -> frozenset[str]:
    """Mount points at or below ``root`` (a real path, as the disk spells it)."""
    return frozenset(mount.path for mount in mounts() if is_within(mount.path, root))


def kind_of(path: str) -> str:
    """The kind of file system ``path`` (a real path) lies on; ``""`` when that is not known."""
    best = Mount("", "")
    for mount in mounts():
        if is_within(path, mount.path) and len(mount.path) >= len(best.path):
            best = mount
    return best.kind
