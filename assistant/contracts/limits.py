"""How much may be asked at once."""

from __future__ import annotations

MAX_K = 1000
MAX_QUESTION_CHARS = 10_000
