"""Vectors of the tokens of one text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class TokenVectors:
    """``rows``: float32, ``(tokens, dim)``, unit rows, special tokens left out; ``(0, dim)`` for a text without words.
    Token ``i`` stands for the characters ``starts[i]`` .. ``ends[i]`` of the text, both int32, ascending. A text
    beyond the encoder's ``max_tokens`` is cut, so its end may have none."""

    rows: NDArray[np.float32]
    starts: NDArray[np.int32]
    ends: NDArray[np.int32]
