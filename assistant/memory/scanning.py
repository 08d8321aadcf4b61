"""``python -m assistant.memory.scanning FOLDER``: read a whole record store; prints what is wrong, or how many values
are right. Exits 1 on damage. Run as a child, because a damaged memory map can kill the process that reads it."""

from __future__ import annotations

import sys
from pathlib import Path

from assistant.contracts.errors import DataError
from assistant.memory.records import scan


def main(folder: str) -> int:
    findings: list[str] = []
    try:
        values = scan(Path(folder), findings.append)
    except DataError as error:
        findings.append(error.happened)
        values = 0
    sys.stdout.write("\n".join(findings[:100]) if findings else str(values))
    sys.stdout.write("\n")
    return 1 if findings else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
