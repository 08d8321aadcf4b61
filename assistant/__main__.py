"""``python -m assistant`` and the console script."""

from __future__ import annotations


def main() -> None:
    from assistant.cli.main import run

    raise SystemExit(run())


if __name__ == "__main__":
    main()
