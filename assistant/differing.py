"""Settings of ours that the running process does not share: told, because it answers with its own."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from assistant.locations import Locations


def differing(
    locations: Locations,
    theirs: Mapping[str, Any],
    defaults: Mapping[str, Any],
    environment: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """A sentence for each setting that would be another one here. Looks at environment and settings file only as far
    as the names in ``theirs`` go, and checks nothing: this runs before every short command."""
    environment = os.environ if environment is None else environment
    ours = {**defaults, **_written(locations)}
    for name in sorted(theirs):
        here = environment.get(f"ASSISTANT_{name.upper()}", ours.get(name))
        if str(here).strip() != str(theirs[name]):
            yield (
                f"The running process uses {name} {theirs[name]}; {here}, as set here, has no effect until it is "
                "restarted (assistant serve --stop; assistant serve)."
            )


def _written(locations: Locations) -> Mapping[str, Any]:
    try:
        text = locations.settings_file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}
