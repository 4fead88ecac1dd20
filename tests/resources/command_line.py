"""`alphapulse`, as a shell starts it, for tests that ask it much: without Python's imports each time.

Each command is a process of its own, with the arguments, environment, folder, input, output and exit code that it is
given. Only, it is forked from a process that has imported what commands are made of, which is nine tenths of what a
short one takes. What is told of the start itself, tests prove with the program that is installed.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

__all__ = ["ALPHAPULSE", "alphapulse", "answer", "exit_code"]

ALPHAPULSE = Path(sys.executable).with_name("alphapulse")

#: What most commands come to import.
_MODULES = (
    "alphapulse_lib.cli.commands",
    "alphapulse_lib.engine.runner",
    "alphapulse_lib.hub_client",
    "alphapulse_lib.query.sql",
    "alphapulse_lib.session.backtests",
    "alphapulse_lib.session.bars",
    "alphapulse_lib.session.imports",
    "alphapulse_lib.session.news",
    "alphapulse_lib.session.runs",
    "alphapulse_lib.views.tearsheet",
)


def alphapulse(*words: str, cwd: Path | None = None, answer: str = "") -> subprocess.CompletedProcess[str]:
    """What a command says, and its exit code."""
    with tempfile.TemporaryDirectory() as place:
        given, told, warned = (Path(place) / name for name in ("given", "told", "warned"))
        given.write_text(answer)
        code = exit_code(*words, cwd=cwd, streams=(given, told, warned))
        done = subprocess.CompletedProcess([ALPHAPULSE, *words], code, told.read_text(), warned.read_text())
    assert "Traceback (most recent call last)" not in done.stderr or "strategy" in done.stderr
    return done


def answer(*words: str) -> Any:
    """The answer of a command that can be carried out, from its JSON."""
    done = alphapulse(*words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def exit_code(*words: str, streams: tuple[Path, Path, Path], cwd: Path | None = None, **variables: str) -> int:
    """Run a command, its streams at these files, with variables beside those of the environment."""
    asked = {
        "words": words,
        "cwd": str(cwd or Path.cwd()),
        "environment": {**os.environ, **variables},
        "streams": [*map(str, streams)],
    }
    server = _server()
    assert server.stdin is not None and server.stdout is not None
    try:
        server.stdin.write(json.dumps(asked) + "\n")
        server.stdin.flush()
        return int(server.stdout.readline())
    except BaseException:  # whoever stops waiting must not take this answer for the next one's
        server.kill()
        raise


_started: list[subprocess.Popen[str]] = []


def _server() -> subprocess.Popen[str]:
    """The process that others are forked from; it ends with this one."""
    if not _started or _started[-1].poll() is not None:
        command = [sys.executable, "-P", __file__]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        _started.append(subprocess.Popen(command, **pipes, text=True, start_new_session=True))  # type: ignore[call-overload]
        atexit.register(_end, _started[-1])
    return _started[-1]


def _end(server: subprocess.Popen[str]) -> None:
    assert server.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        server.stdin.close()
    server.wait()


def _serve() -> None:
    """Fork a process for each command, one after the other, and tell its exit code."""
    for name in _MODULES:
        importlib.import_module(name)
    # Kept in a home, of which each test has a new one: computing them takes a second.
    importlib.import_module("alphapulse_lib.catalog.sessions").sessions("XNYS")
    # Those threads are of libraries' own, which look after them in a fork.
    warnings.filterwarnings("ignore", message=".* is multi-threaded", category=DeprecationWarning)
    gc.freeze()  # a collection would copy every page that it looks at
    while line := sys.stdin.readline():
        child = os.fork()
        if child == 0:
            _become(json.loads(line))
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _become(asked: dict[str, Any]) -> None:
    """Be the command, to its end."""
    from alphapulse_lib.cli import main

    with contextlib.ExitStack() as opened:
        for descriptor, (place, mode) in enumerate(zip(asked["streams"], ("r", "a", "a"), strict=True)):
            os.dup2(opened.enter_context(Path(place).open(mode)).fileno(), descriptor)
    sys.stdin = os.fdopen(0)
    sys.stdout = os.fdopen(1, "w", buffering=1 if os.isatty(1) else -1)
    sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace")
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["cwd"])
    sys.argv = [str(ALPHAPULSE), *asked["words"]]
    code: Any = 0
    try:
        main()
    except SystemExit as ended:
        code = ended.code
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        os._exit(code or 0)  # what all have imported need not be taken apart by each


if __name__ == "__main__":
    _serve()
