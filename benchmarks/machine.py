"""The machine a figure was taken on."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

from assistant.inference.processor import physical_cores, processor_flags

LIBRARIES = ("onnxruntime", "tokenizers", "fastembed", "tantivy", "hnswlib", "lmdb", "numpy", "typer", "rich")
TELLING_FLAGS = ("avx2", "avx_vnni", "avx512_vnni", "amx_int8", "asimddp", "i8mm")


def facts() -> dict[str, str | int | float | list[str] | list[float] | dict[str, str]]:
    """Processor, memory, versions, date (UTC) and load average, now."""
    flags = processor_flags()
    return {
        "processor": _processor_name(),
        "physical_cores": physical_cores(),
        "logical_cores": len(os.sched_getaffinity(0)),
        "flags": [flag for flag in TELLING_FLAGS if flag in flags],
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "load_average": [round(load, 2) for load in os.getloadavg()],
    }


def told() -> str:
    found = facts()
    lines = []
    for name, value in found.items():
        if isinstance(value, dict):
            value = ", ".join(f"{key} {one}" for key, one in value.items())
        elif isinstance(value, list):
            value = ", ".join(map(str, value)) or "none"
        lines.append(f"  {name.replace('_', ' '):<15} {value}")
    return "\n".join(["machine", *lines])


def _processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
