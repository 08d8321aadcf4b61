"""The soak: some seconds in every run, ten minutes (or as long as SOAK_S says) behind the marker ``soak``."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from living.soak import Soak

LONG_S = float(os.environ.get("SOAK_S", "600"))


def soaked(folder: Path, seconds: float, seed: int, kill_every_s: float) -> Soak:
    soak = Soak(folder, seed)
    try:
        soak.run(seconds, kill_every_s)
    finally:
        soak.end()
    print(f"\n{soak.figures}")  # noqa: T201 - the figures are what a long soak is run for
    return soak


@pytest.mark.timeout(400)
def test_a_short_soak_with_kills_ends_in_what_a_fresh_look_finds(tmp_path: Path) -> None:
    figures = soaked(tmp_path, 25, 11, 5).figures
    assert figures.wrong == []
    assert figures.kills > 0
    assert figures.changes > 50


@pytest.mark.soak
@pytest.mark.timeout(LONG_S * 3 + 1200)
def test_a_long_soak_with_kills_ends_in_what_a_fresh_look_finds(tmp_path: Path) -> None:
    figures = soaked(tmp_path, LONG_S, 12, 20).figures
    assert figures.wrong == []
