"""Which documents are versions of one another, and which holds."""

from __future__ import annotations

import pytest

from assistant.core.dating import date_of_document
from assistant.core.kinship import Kin, kin_of
from assistant.core.origins import Origin


def document(path: str, text: str, *, superseded: bool = False) -> Origin:
    title = text.split("\n", 1)[0].lstrip("# ")
    return Origin(path, title, 1, text, date_of_document(path, title, text), superseded)


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        # the same name but for the year; the later day holds
        (
            ("/h/club/rules-2026.md", "# Rules\n\nValid from 1 May 2026."),
            ("/h/club/rules-2023.md", "# Rules 2023"),
            Kin(True),
        ),
        # a copy that was changed later holds
        (
            ("/h/bikes (copy).md", "# Bicycles\n\nChecked 2 May 2026."),
            ("/h/bikes.md", "# Bicycles\n\nChecked 10 May 2025."),
            Kin(True),
        ),
        # one that calls itself old does not hold, whatever its day
        (
            ("/h/deploy.md", "# Deploying"),
            ("/h/deploy-old.md", "# Deploying\n\n2026-03-24. OLD, see deploy.md."),
            Kin(True),
        ),
        (
            ("/h/camp-draft.md", "# Camp - DRAFT of 20 January 2026"),
            ("/h/camp-signed.md", "# Camp\n\nFinal, 22 April 2026."),
            Kin(False),
        ),
        # one names the other, by file name or by number
        (
            ("/h/manual.md", "# Manual\n\nIt replaces guide-2024.md."),
            ("/h/guide-2024.md", "# For Aino, June 2024"),
            Kin(True),
        ),
        (
            ("/h/ADR-007-retry.md", "# ADR-007\n\n- Status: superseded by ADR-012"),
            ("/h/ADR-012-keys.md", "# ADR-012: keys"),
            Kin(False),
        ),
        # an amendment holds against the contract
        (("/h/lease-amendment.md", "# Amendment to lease.md"), ("/h/lease.md", "# Lease of land"), Kin(True)),
        # the title is the same, in another folder
        (
            ("/h/a/handbook.html", "Employee handbook Pendrell 2026"),
            ("/h/b/extract.md", "# Employee handbook Pendrell, March 2023"),
            Kin(True),
        ),
        # no day: it cannot be told
        (("/h/pump.md", "# Pump"), ("/h/pump copy.md", "# Pump"), Kin(None)),
        # strangers
        (("/h/a/README.md", "# Millrace"), ("/h/b/README.md", "# Hutcal"), None),
        (("/h/дом/правила дома.txt", "Правила дома"), ("/h/docs/правила катка.md", "# Правила катка"), None),
        (("/h/bread.md", "# Bread"), ("/h/boiler.md", "# Boiler"), None),
    ],
)
def test_kin(one: tuple[str, str], other: tuple[str, str], found: Kin | None) -> None:
    first, second = document(*one), document(*other)
    assert kin_of(first, second) == found
    mirrored = None if found is None else Kin(None if found.later is None else not found.later)
    assert kin_of(second, first) == mirrored


def test_a_document_is_no_kin_of_itself() -> None:
    assert kin_of(document("/h/a.md", "# A"), document("/h/a.md", "# A")) is None
