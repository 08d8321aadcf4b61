"""Opening a model that was compiled here, without fastembed: importing that takes longer than all else.

What fastembed would read of the tokenizer's files is read here; whether both read texts alike was compared when the
model was installed (:func:`assistant.inference.registry.check_reading`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from assistant.contracts.errors import DamagedModel
from assistant.inference.compiled_record import GRAPH_FILE
from assistant.inference.encoding import LoadedGraph
from assistant.inference.sessions import open_session


def load_compiled(folder: Path, threads: int) -> LoadedGraph:
    """The graph and the tokenizer in ``folder``, whose files the caller has verified. Raises :class:`DamagedModel` when
    they make no sense all the same."""
    tokenizer = open_tokenizer(folder)
    return LoadedGraph(open_session(folder / GRAPH_FILE, threads), tokenizer, int(tokenizer.padding["pad_id"]))


def open_tokenizer(folder: Path) -> Any:
    """A ``tokenizers.Tokenizer`` that cuts and pads as the files in ``folder`` say. Raises :class:`DamagedModel`."""
    from tokenizers import Tokenizer

    try:
        settings, config = (
            json.loads((folder / f"{name}.json").read_bytes()) for name in ("tokenizer_config", "config")
        )
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.enable_truncation(int(settings["model_max_length"]))
        padding = tokenizer.padding or {}
        token = str(padding.get("pad_token") or settings["pad_token"])
        tokenizer.enable_padding(pad_id=int(padding.get("pad_id", config.get("pad_token_id", 0))), pad_token=token)
    except Exception as error:
        # The tokenizers library has no error class of its own; whatever else it may be is raised as it came.
        if type(error) is not Exception and not isinstance(error, (OSError, ValueError, TypeError, LookupError)):
            raise
        raise DamagedModel(f"The model's tokenizer cannot be read: {error}.") from error
    return tokenizer
