"""What may be read in our own process: small sources of kinds whose worst case is bounded.

Bounded means: the reader runs Python, ``re``, ``csv`` and memory-safe libraries only, so that no source can crash it,
and the worst hostile sources that could be found of the allowed size are bearable. Of 270 tried (processor time and
peak memory of reading and drafting, on a slow machine):

========  ==========  ==========================================  =======================================
kind      up to       slowest                                     most memory
========  ==========  ==========================================  =======================================
text      16 KiB      0.11 s, two-letter turns of a chat          4 MiB
table     16 KiB      0.04 s, one semicolon after the other       4 MiB
markdown  4 KiB       0.49 s, a table of cells that are missing   64 MiB, the same
========  ==========  ==========================================  =======================================

Markdown of 16 KiB takes up to 2.1 s and 130 MiB, and more than in proportion above. Kinds that go through a parser in
C (code with a grammar, JSON, YAML, TOML, HTML, reStructuredText, notebooks, mail, which may hold HTML) and git
histories are never bounded: no measurement excludes a crash, and 16 KiB of reStructuredText can take 20 s. Nor is text
that is not UTF-8: guessing its encoding costs more than reading it.
"""

from __future__ import annotations

from assistant.contracts.documents import SourceAddress, SourceKind
from assistant.reading.kinds import HEAD_BYTES, classify

_MOST_BYTES: dict[SourceKind, int] = {"text": 16 * 1024, "table": 16 * 1024, "markdown": 4 * 1024}
MOST_BYTES = max(_MOST_BYTES.values())


def may_be_bounded(address: SourceAddress) -> bool:
    """Whether a source may be bounded, by its name alone; a file without a telling name may."""
    return not address.commit and (classify(address.path, b"") or "text") in _MOST_BYTES


def is_bounded(path: str, data: bytes) -> bool:
    """Whether these bytes of a source called ``path`` may be read here."""
    if len(data) > _MOST_BYTES.get(classify(path, data[:HEAD_BYTES]) or "text", 0):
        return False
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
