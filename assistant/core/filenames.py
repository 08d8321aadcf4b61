"""File names as text. A name on disk is bytes and need not be UTF-8; everything above the file system wants text.

An undecodable byte 0x80..0xFF is shown as the private character U+EF80..U+EFFF, one each (the convention of OPTU-8),
and turned back on the way to the disk. A name that truly holds such a private character cannot be opened; it is
reported as a problem and nothing else happens.
"""

from __future__ import annotations

import os

_TO_TEXT = {0xDC00 + byte: 0xEF00 + byte for byte in range(0x80, 0x100)}
_TO_DISK = {0xEF00 + byte: 0xDC00 + byte for byte in range(0x80, 0x100)}


def to_text(name: str) -> str:
    """A name as ``os`` gives it (surrogateescape) to clean text."""
    return name if name.isascii() else name.translate(_TO_TEXT)


def to_disk(text: str) -> str:
    """Clean text back to the name that ``os`` takes."""
    return text if text.isascii() else text.translate(_TO_DISK)


def is_within(path: str, folder: str) -> bool:
    """Whether ``path`` is ``folder`` or lies below it; both absolute and normalised."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
