"""onnxruntime sessions, opened one way everywhere.

fastembed would open a session too, but lets nobody choose whether waiting threads spin. Spinning threads take the
processor from everything else on a laptop, and on a busy machine cost this program itself a third to a half of its
speed; so the sessions are opened here, without spinning. On an idle machine that is up to a tenth slower.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from assistant.contracts.errors import DamagedModel
from assistant.inference.processor import physical_cores

ERRORS_ONLY = 3


def open_session(path: Path, threads: int) -> Any:
    """An ``onnxruntime.InferenceSession`` on the CPU; ``threads`` 0 means one per physical core.

    The session may be run from several threads at once. Raises :class:`DamagedModel` for a file that is no graph.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or physical_cores()
    options.log_severity_level = ERRORS_ONLY
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    with onnx_errors(str(path)):
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


@contextmanager
def onnx_errors(what: str) -> Iterator[None]:
    """Turns the errors of onnxruntime, which share no class of their own, into :class:`DamagedModel`."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    names = (
        "EPFail Fail InvalidArgument InvalidGraph InvalidProtobuf NoModel NoSuchFile NotImplemented RuntimeException"
    )
    try:
        yield
    except tuple(getattr(state, name) for name in names.split()) as error:
        # The whole message can run over many lines of operator listings.
        reason = str(error).splitlines()[0][:200]
        raise DamagedModel(f"The model graph {what} cannot be run: {reason}") from error
