"""Settings of the property tests: no time limit per example (machines differ), nothing kept between runs."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("reading", deadline=None, database=None)
settings.load_profile("reading")
