"""What the tests of hardness start from."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.conftest import line, models, shared  # noqa: F401 - fixtures

from hardness.operations import furnish_place


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place with a memory and a backup of a larger one; to be copied, not changed."""
    place = tmp_path_factory.mktemp("template")
    furnish_place(place)
    return place
