from __future__ import annotations

from pathlib import Path

import pytest

from assistant.inference.processor import (
    choose_precision,
    has_fast_int8,
    needs_reduced_range,
    physical_cores,
    processor_flags,
)


@pytest.mark.parametrize(
    ("flags", "precision", "reduced"),
    [
        ({"avx2", "avx512_vnni"}, "int8", False),
        ({"avx2", "avx_vnni"}, "int8", False),
        ({"asimd", "asimddp"}, "int8", False),
        ({"sse4_2", "avx2"}, "fp32", True),
        ({"sse4_2"}, "fp32", True),
        (set(), "fp32", True),
    ],
)
def test_the_rule_behind_auto(flags: set[str], precision: str, reduced: bool) -> None:
    assert choose_precision(flags) == precision
    assert needs_reduced_range(flags) is reduced


CPUINFO = """\
processor\t: {0}
flags\t\t: fpu avx2 avx_vnni
physical id\t: 0
core id\t\t: {1}

"""


def test_hyper_threads_are_not_cores(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("".join(CPUINFO.format(number, 0) for number in range(2)))
    assert physical_cores(cpuinfo) == 1
    assert processor_flags(cpuinfo) == {"fpu", "avx2", "avx_vnni"}
    assert has_fast_int8(processor_flags(cpuinfo))


def test_a_kernel_that_tells_nothing(tmp_path: Path) -> None:
    assert processor_flags(tmp_path / "none") == frozenset()
    assert physical_cores(tmp_path / "none") >= 1
