"""Where a strategy was when its process was ended from outside, left by itself, or crashed.

Such a process raises nothing that could be kept. So it has a file in its run's folder, into which the interpreter
writes the stack from within a signal's handler: native code, a lock that is waited for and an endless loop do not keep
it from that. Whoever is about to end it for a limit asks for the stack first; a crash leaves it on its own, and so does
`os._exit`, as a strategy finds it. Between two bars it costs nothing: nothing is looked at.
"""

from __future__ import annotations

import faulthandler
import os
import posix
import re
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from traceback import FrameSummary, StackSummary
from typing import NoReturn

__all__ = ["ask", "end", "listen", "told"]

_FILE = "last_words.txt"
#: Asks a process for where it is, and ends it with that.
_ASKED, _ENDED = signal.SIGUSR1, signal.SIGTERM
#: Seconds for which an answer is waited, after which it is asked again, and between two looks at it.
_PATIENCE, _AGAIN, _LOOK = 3.0, 0.5, 0.01
#: The files of this folder are no strategy's; those below it are the shipped ones.
_HERE = Path(__file__).parent
#: Characters that are shown of one line of source.
_LONGEST = 500
#: How a stack begins, and a frame of it; what a file's name has beyond ASCII is escaped.
_STACK = re.compile(r".*\(most recent call first\):$")
_FRAME = re.compile(r'  File "(.*)", line (\d+) in (.*)$')
_ESCAPED = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8}))")

#: What ends this process at once, whatever a strategy finds under that name.
end = os._exit


def listen(folder: Path) -> None:
    """From here on leave where this process was, however it ends; but for `end`, and a kill that nobody told it of.

    Parameters
    ----------
    folder : Path
        The run's.
    """
    # Held open for as long as the process lives: the handlers know its descriptor alone.
    file = (folder / _FILE).open("ab", buffering=0)
    faulthandler.enable(file, all_threads=False)
    faulthandler.register(_ASKED, file, all_threads=False)
    faulthandler.register(_ENDED, file, all_threads=False, chain=True)
    os.register_at_fork(after_in_child=_be_silent)
    here = os.getpid()

    def _exit(status: int) -> NoReturn:
        if os.getpid() == here:  # else it is a process that the strategy forked
            faulthandler.dump_traceback(file, all_threads=False)
        end(status)

    # The second is what a class of a notebook, pickled, finds it by.
    os._exit = posix._exit = _exit


def _be_silent() -> None:
    """What a strategy forks is not the run's process, and the file is not its."""
    faulthandler.disable()
    faulthandler.unregister(_ASKED)
    faulthandler.unregister(_ENDED)


def ask(process: int, folder: Path) -> None:
    """Let a process leave where it is, before it is ended; wait three seconds for that at most.

    It is asked more than once: on busy cores it may be a while until it runs, and the system may hand the signal to a
    thread of native code, which has no stack of Python's to tell.

    Parameters
    ----------
    process : int
        Its id.
    folder : Path
        That which it was told to `listen` in; where it does not yet, nothing is asked.
    """
    path = folder / _FILE
    if not path.exists():
        return
    before = seen = path.stat().st_size
    since, asked = time.monotonic(), 0
    while (waited := time.monotonic() - since) < _PATIENCE:
        if seen == before and waited >= asked * _AGAIN:
            asked += 1
            try:
                os.kill(process, _ASKED)
            except ProcessLookupError:
                return
        time.sleep(_LOOK)
        size = path.stat().st_size
        if size == seen > before:  # it is a hundred frames at most, written at one go
            return
        seen = size


def told(folder: Path, sources: Mapping[str, Sequence[str]]) -> str:
    """What a process left in its folder, as Python tells a traceback, from the strategy's first frame on.

    Parameters
    ----------
    sources : mapping
        Of files that exist in another process alone, such as a notebook's cells, the lines.

    Returns
    -------
    str
        Empty where the process left nothing: the system killed it.
    """
    path = folder / _FILE
    if not path.exists():
        return "The strategy had not begun.\n"
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    starts = [at for at, line in enumerate(lines) if _STACK.match(line)]
    if not starts:
        return ""
    frames = [found.groups() for line in lines[starts[-1] + 1 :] if (found := _FRAME.match(line))]
    own = [_frame(_whole(file), int(line), name, sources) for file, line, name in reversed(frames)]
    while own and _is_ours(own[0]):
        del own[0]
    while own and _is_ours(own[-1]):
        del own[-1]
    if not own:
        return "None of the strategy's own lines was being run just then.\n"
    return "Traceback (most recent call last):\n" + "".join(StackSummary.from_list(own).format())


def _is_ours(frame: FrameSummary) -> bool:
    is_pythons = frame.filename == "<string>" or frame.filename.startswith("<frozen ")
    return is_pythons or Path(frame.filename).parent == _HERE


def _frame(file: str, line: int, name: str, sources: Mapping[str, Sequence[str]]) -> FrameSummary:
    lines = sources.get(file, ())
    source = lines[line - 1] if 0 < line <= len(lines) else None
    found = FrameSummary(file, line, name, line=source)
    return FrameSummary(file, line, name, line=(found.line or "")[:_LONGEST])


def _whole(name: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(next(filter(None, found.groups())), 16)), name)
