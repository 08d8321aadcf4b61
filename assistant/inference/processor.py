"""What the processor can do, and which precision follows from it. Linux."""

from __future__ import annotations

import os
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Literal

Precision = Literal["fp32", "int8"]

CPUINFO = Path("/proc/cpuinfo")

FAST_INT8 = frozenset({"avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm"})
"""Instructions that add products of 8-bit numbers into 32 bits: VNNI and AMX on x86, dot products on Arm."""


def _values(key: str, cpuinfo: Path) -> list[str]:
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    pairs = (line.partition(":") for line in lines)
    return [value.strip() for name, _, value in pairs if name.strip() == key]


def processor_flags(cpuinfo: Path = CPUINFO) -> frozenset[str]:
    """The instruction sets of the first processor; empty where the kernel does not tell."""
    flags = _values("flags", cpuinfo) or _values("Features", cpuinfo)
    return frozenset(flags[0].split()) if flags else frozenset()


def has_fast_int8(flags: AbstractSet[str]) -> bool:
    return bool(FAST_INT8 & flags)


def choose_precision(flags: AbstractSet[str]) -> Precision:
    """The rule behind ``auto``: int8 with VNNI, AMX or Arm dot products, where it is more than twice as fast as fp32
    and retrieval is as good; fp32 on everything else. With AVX2 alone int8 has to make do with 7 bits
    (:func:`needs_reduced_range`): that is 1.4 times as fast, and costs 0.004 to 0.005 nDCG@10 (decisions/0003).
    """
    return "int8" if has_fast_int8(flags) else "fp32"


def needs_reduced_range(flags: AbstractSet[str]) -> bool:
    """Whether int8 weights must be kept to 7 bits: without VNNI, AVX2 adds pairs of products in 16 bits, and two full
    8-bit products overflow them."""
    return not has_fast_int8(flags)


def physical_cores(cpuinfo: Path = CPUINFO) -> int:
    """Physical cores this process may use, at least 1. Hyper-threads share the units that encoding keeps busy."""
    allowed = len(os.sched_getaffinity(0))
    packages, cores = _values("physical id", cpuinfo), _values("core id", cpuinfo)
    physical = len(set(zip(packages, cores, strict=False)))
    return max(1, min(allowed, physical) if physical else allowed)
