"""Small but realistic sources, one a language: ``SAMPLES[language]`` is a file name and the source."""

from __future__ import annotations

from pathlib import Path

_PATHS = {
    "python": "shop/orders.py",
    "typescript": "web/basket.ts",
    "javascript": "web/server.js",
    "tsx": "web/dialog.tsx",
    "go": "queue/queue.go",
    "rust": "src/settings.rs",
    "java": "src/Account.java",
    "c": "src/ring.c",
    "cpp": "src/shapes.cpp",
    "bash": "bin/backup.sh",
    "sql": "db/library.sql",
    "ruby": "lib/weather.rb",
    "kotlin": "src/Notes.kt",
    "php": "src/Sender.php",
    "c_sharp": "src/Thermostat.cs",
    "scala": "src/Chess.scala",
    "lua": "lib/bus.lua",
    "css": "web/page.css",
}
_FOLDER = Path(__file__).with_name("samples")  # ``.txt``, so that no tool takes them for sources of the project

SAMPLES: dict[str, tuple[str, str]] = {
    language: (path, (_FOLDER / f"{language}.txt").read_text("utf-8")) for language, path in _PATHS.items()
}
