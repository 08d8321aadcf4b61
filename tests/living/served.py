"""``python -m living.served``, in ``tests``: what ``assistant serve --foreground`` runs, with an encoder that needs no
model, and readers that are given up soon."""

from __future__ import annotations

import asyncio
import signal
import sys

from assistant import app
from assistant.contracts.events import nobody
from assistant.living import live
from assistant.testing.hashing import HashingEncoder

FLAGS: dict[str, object] = {"readers": 2, "read_timeout_s": 2.0}


def hashing() -> None:
    """Let every assistant of this process use the fake encoder."""
    real = app.EncoderShelf

    def shelf(*arguments: object, **more: object) -> object:
        return real(*arguments, **{**more, "given": HashingEncoder()})  # type: ignore[arg-type]

    app.EncoderShelf = shelf  # type: ignore[assignment,misc]


async def main() -> None:
    """Until SIGTERM."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await live(flags=FLAGS, listener=nobody, ready=lambda _: None, stopping=stopping)


if __name__ == "__main__":
    hashing()
    asyncio.run(main())
    sys.exit(0)
