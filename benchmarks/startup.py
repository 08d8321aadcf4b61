"""How long a person waits for a command that has nothing running yet."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from assistant.inference.processor import physical_cores
from assistant.locations import locate
from assistant.reaching import attached
from assistant.serving.calling import RemoteDoor
from benchmarks.measuring import Figures, seconds, take_turns
from benchmarks.texts import Texts
from benchmarks.workbench import REPOSITORY, Workbench

ROUNDS = 10
RECALL_ROUNDS = 5

SMALLEST_APP = '''
"""The smallest program that shows help the same way."""

import typer

app = typer.Typer(no_args_is_help=True)


@app.command()
def add(path: str = typer.Argument("."), wait: bool = typer.Option(True, help="Wait.")) -> None:
    """Add."""


@app.command()
def ask(question: str) -> None:
    """Ask."""


app()
'''

BARE_MODEL = """
import sys
import numpy as np
import onnxruntime
import tokenizers

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = int(sys.argv[2])
session = onnxruntime.InferenceSession(sys.argv[1] + "/model.onnx", options, providers=["CPUExecutionProvider"])
tokenizer = tokenizers.Tokenizer.from_file(sys.argv[1] + "/tokenizer.json")
ids = np.array([tokenizer.encode("when was the boiler repaired?").ids], np.int64)
feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
session.run(None, {node.name: feed[node.name] for node in session.get_inputs()})
"""
"""The least a process does that turns one question into a vector."""
LOADED = "import assistant.__main__, assistant.cli.quick, assistant.reaching"


def run(bench: Workbench) -> Figures:
    figures = Figures("startup: a command in a new process, files in the page cache")
    smallest = bench.folder / "smallest.py"
    smallest.write_text(SMALLEST_APP)
    environment = bench.environment("startup")
    times = take_turns(
        {
            "help": _child([*_command(), "--help"], environment),
            "imports": _child([sys.executable, "-c", "import typer, rich"], environment),
            "smallest": _child([sys.executable, str(smallest), "--help"], environment),
        },
        bench.count(ROUNDS),
    )
    figures.median("help_s", times["help"], "s", "assistant --help")
    figures.median("imports_s", times["imports"], "s", 'python -c "import typer, rich"')
    figures.median("smallest_s", times["smallest"], "s", "help of the smallest typer program")
    figures.ratio("help_to_imports", times["help"], times["imports"], "assistant --help : the imports alone")
    figures.ratio(
        "help_to_smallest", times["help"], times["smallest"], "assistant --help : the smallest program's help"
    )

    cold_recall(bench, bench.remembered, figures)
    attached_recall(bench, bench.remembered, figures)
    return figures


def cold_recall(bench: Workbench, home: str, figures: Figures, size: str = "") -> None:
    """``assistant recall`` in a new process, against the least a process does to encode a question. ``size`` goes
    before the names of the figures."""
    prefix, environment = f"{size}_" if size else "", bench.environment(home)
    model = [sys.executable, "-c", BARE_MODEL, str(bench.model_folder), str(physical_cores())]
    cold = take_turns(
        {
            "recall": _child([*_command(), "recall", Texts(3).question()], environment),
            "model": _child(model, environment),
        },
        bench.count(RECALL_ROUNDS),
    )
    figures.median(f"{prefix}recall_s", cold["recall"], "s", f"assistant recall, one shot, memory “{home}”")
    figures.median(f"{prefix}model_s", cold["model"], "s", "load the model and encode one question, nothing else")
    figures.ratio(f"{prefix}recall_to_model", cold["recall"], cold["model"], "assistant recall : the model alone")


def attached_recall(bench: Workbench, home: str, figures: Figures) -> None:
    """``assistant recall`` in a new process while another one owns the memory, and what of it is the start of Python,
    and loading what the command needs."""
    environment, question = bench.environment(home), Texts(3).question()

    def serve(*arguments: str) -> None:
        command = [*_command(), "serve", *arguments]
        subprocess.run(command, env=environment, check=True, capture_output=True, timeout=120)

    serve()
    try:
        recall = [*_command(), "recall", question]
        times = take_turns(
            {
                "recall": _child(recall, environment),
                "json": _child([*recall, "--json"], environment),
                "python": _child([sys.executable, "-c", ""], environment),
                "loaded": _child([sys.executable, "-c", LOADED], environment),
            },
            bench.count(ROUNDS),
        )
        client = _connected(environment)
        asked = [seconds(lambda: client.say("Recall", {"query": {"text": question, "k": 10}})) for _ in range(20)]
        client.close()
    finally:
        serve("--stop")
    figures.median("attached_s", times["recall"], "s", "assistant recall against a running process")
    figures.median("attached_json_s", times["json"], "s", "assistant recall --json against a running process")
    figures.median("python_s", times["python"], "s", 'python -c ""')
    figures.median("loaded_s", times["loaded"], "s", "loading what that recall needs")
    figures.median("asked_ms", [one * 1e3 for one in asked], "ms", "a recall over an open connection")


def _connected(environment: Mapping[str, str]) -> RemoteDoor:
    door = attached(locate(environment))
    if door is None:
        raise RuntimeError("the process that was started has no door")
    return door


def _command() -> list[str]:
    script = Path(sys.executable).with_name("assistant")
    return [str(script)] if script.exists() else [sys.executable, "-m", "assistant"]


def _child(command: Sequence[str], environment: Mapping[str, str]) -> Callable[[], object]:
    def run_it() -> None:
        subprocess.run(command, env=environment, cwd=REPOSITORY, check=True, capture_output=True, timeout=120)

    run_it()  # what the first run writes (byte code) is there from now on
    return run_it
