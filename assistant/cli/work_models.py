"""What the ``models`` commands do."""

from __future__ import annotations

import sys
from typing import Literal, cast

from assistant.cli import render
from assistant.cli.progress import Session
from assistant.contracts.errors import EXIT_BAD_DATA, EXIT_DONE

Precision = Literal["auto", "fp32", "int8"]


def list_models(*, as_json: bool) -> int:
    from assistant.app import open_assistant

    with open_assistant() as assistant:
        rows = assistant.models()
    render.listed(rows, as_json=as_json)
    return EXIT_DONE


def install_model(name: str | None, precision: str, *, yes: bool, as_json: bool) -> int:
    from assistant.app import open_assistant

    flags: dict[str, object] = {"allow_download": True if yes else None, "precision": precision}
    with Session() as session, open_assistant(flags=flags, listener=session.listen, stop=session.stop) as assistant:
        values = assistant.install_model(name, cast(Precision, precision), on_step=_step)
    render.facts(values, as_json=as_json)
    return EXIT_DONE


def _step(what: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"{what} ...\n")


def probe_model(name: str | None, *, as_json: bool) -> int:
    from assistant.app import open_assistant

    with open_assistant() as assistant:
        report = assistant.probe_model(name)
    render.facts(report.model_dump(mode="json"), as_json=as_json)
    return EXIT_BAD_DATA if report.right is False else EXIT_DONE
