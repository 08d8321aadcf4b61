"""How a command ends: errors become words and codes, and output that nobody takes is no failure. Light: loaded by the
shortest of all commands."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable

from assistant.contracts import errors

_OUTPUT_REFUSED = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


def exit_code_of(work: Callable[[], int]) -> int:
    """Carry out a command; returns the exit code. The only place that turns errors into words and codes."""
    _open_streams()
    code = _guarded(work)
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read our output has gone
        _drop_output()
    except OSError as error:
        return _no_output(error)
    return code


def _guarded(work: Callable[[], int]) -> int:
    try:
        return work()
    except SystemExit as leaving:
        if leaving.code == errors.EXIT_INTERRUPTED:  # typer's word for a KeyboardInterrupt
            return _stopped()
        if leaving.code == 1:  # said by typer and rich alone, when whoever read our output has gone
            return errors.EXIT_DONE
        return leaving.code if isinstance(leaving.code, int) else errors.EXIT_DONE
    except errors.UserError as error:
        _say(error)
        return error.exit_code
    except (errors.Interrupted, KeyboardInterrupt):
        return _stopped()
    except BrokenPipeError:
        return errors.EXIT_DONE
    except OSError as error:
        if error.filename is None and error.errno in _OUTPUT_REFUSED:
            return _no_output(error)
        if not _has_current_folder():
            _say(errors.BadPath("The current folder is gone.", remedy="Change to another one and try again."))
            return errors.EXIT_WRONG_USE
        return _bug(error)
    except Exception as error:  # noqa: BLE001 - the last resort: a bug, told in one line, kept in full in a file
        return _bug(error)


def _has_current_folder() -> bool:
    try:
        os.getcwd()
    except OSError:
        return False
    return True


def _stopped() -> int:
    sys.stderr.write("Stopped. What was stored stays; run the same command to go on.\n")
    return errors.EXIT_INTERRUPTED


def _open_streams() -> None:
    """A closed stream becomes one that takes everything; one that cannot write a letter writes ``?``, not a failure."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - until the process ends
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def _drop_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _no_output(error: OSError) -> int:
    _drop_output()
    sys.stderr.write(f"assistant: The result could not be written: {error.strerror}.\n")
    return errors.EXIT_BAD_DATA


def _bug(error: Exception) -> int:
    from assistant.recording import record_mistake

    sys.stderr.write(f"assistant: this is a mistake in the program: {type(error).__name__}.\n{record_mistake(error)}\n")
    return 1


def _say(error: errors.UserError) -> None:
    lines = [f"assistant: {error.happened}", error.kept, error.remedy]
    sys.stderr.write("\n".join(_printable(line) for line in lines if line) + "\n")


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "\ufffd" for char in text)
