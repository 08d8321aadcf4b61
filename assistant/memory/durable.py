"""Durable writing: data and names on disk before we say so."""

from __future__ import annotations

import os
from pathlib import Path


def write_synced(path: Path, data: bytes | None) -> None:
    """Write ``data`` (``None``: what is there already) and wait until the disk has it. Raises ``OSError``."""
    flags = os.O_RDWR if data is None else os.O_RDWR | os.O_CREAT | os.O_TRUNC
    descriptor = os.open(path, flags | os.O_CLOEXEC, 0o600)
    try:
        if data is not None:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_synced(path: Path, data: bytes) -> None:
    """Replace a small file atomically. Raises ``OSError``; the old content then stays."""
    temporary = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    try:
        write_synced(temporary, data)
        temporary.replace(path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
