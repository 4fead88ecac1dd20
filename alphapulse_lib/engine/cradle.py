"""A process that has imported what every run needs, and forks a process for each run that is asked of it.

The near end is `alphapulse_lib.engine.process`. It reads no data, makes no engine and starts no thread, so that what is
forked is whole; what a run does to its process is gone with that. It ends with whoever started it, and by itself where
no run comes for some minutes.
"""

from __future__ import annotations

import array
import contextlib
import gc
import os
import select
import signal
import socket
import sys
import time
from typing import NoReturn

from alphapulse_lib.engine.descendants import adopt, die_with, end_orphans

__all__ = ["HANDED", "main"]

#: What comes along with each request: the run's standard input and output, where its progress is told, where it is
#: told what became of its process, the folder that is the current one.
HANDED = 5

#: What ends a process at once, whatever a strategy finds under that name.
_end = os._exit


def main(owner: int, patience: float, since: float) -> None:
    """Fork a process at each request, until the owner is gone.

    Standard input is a socket: each of its messages is a byte, with `HANDED` descriptors.

    Parameters
    ----------
    owner : int
        The process that asks.
    patience : float
        Seconds without a run after which this process ends.
    since : float
        When this process was started, by the system's monotonic clock.

    Notes
    -----
    What became of a run's process is told by lines: ``pid 123`` when it is there, and ``ended 0`` with its exit code,
    a signal's number below zero, when it and all that it left behind are gone; or by ``refused 11`` with the system's
    number of why there is none.
    """
    ending = os.pidfd_open(owner)
    if os.getppid() != owner:
        _end(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    adopt()
    with contextlib.suppress(Exception):  # the run's own process, which needs it too, says so where it is heard
        import alphapulse_lib.engine.worker  # noqa: F401
    gc.collect()
    gc.freeze()  # a collection in a run would copy every page that it looks at
    cradle = _Cradle(socket.socket(fileno=os.dup(0)), ending, begin=time.monotonic() - since)
    cradle.serve(patience)
    _end(0)  # and with it all runs, which nobody waits for any more


class _Cradle:
    def __init__(self, door: socket.socket, ending: int, begin: float) -> None:
        self._door, self._ending, self._begin = door, ending, begin
        #: By the descriptor that tells its end, each run's process and where its owner hears of it.
        self._runs: dict[int, tuple[int, int]] = {}

    def serve(self, patience: float) -> None:
        ears = select.poll()
        ears.register(self._door, select.POLLIN)
        ears.register(self._ending, select.POLLIN)
        while heard := dict(ears.poll(None if self._runs else 1000 * patience)):
            for ended in heard.keys() & self._runs.keys():
                ears.unregister(ended)
                self._leave(ended)
            if self._ending in heard:
                return
            if self._door.fileno() in heard:
                handed = _received(self._door)
                if not handed:
                    return
                if (forked := self._fork(*handed)) is not None:
                    ears.register(forked, select.POLLIN)

    def _fork(self, stdin: int, output: int, told: int, tell: int, here: int) -> int | None:
        """Fork a run's process, and give what tells its end; ``None`` where the system has room for no other."""
        parent, child = os.getpid(), -1
        try:
            child = os.fork()
        except OSError as refused:
            _say(tell, f"refused {refused.errno}")
        if child == 0:
            try:
                self._be_a_run(stdin, output, told, tell, here, parent)
            except BaseException:  # noqa: BLE001  nothing may go on below, in the cradle's own loop
                sys.excepthook(*sys.exc_info())
                sys.stderr.flush()
            finally:
                _end(1)
        for each in (stdin, output, told, here):
            os.close(each)
        if child < 0:
            os.close(tell)
            return None
        ended = os.pidfd_open(child)
        self._runs[ended] = child, tell
        return ended

    def _be_a_run(self, stdin: int, output: int, told: int, tell: int, here: int, parent: int) -> NoReturn:
        os.setsid()  # an interrupt reaches its owner alone; what a strategy starts can be ended with it
        os.dup2(stdin, 0), os.dup2(output, 1), os.dup2(output, 2)
        die_with(parent)
        adopt()
        os.fchdir(here)
        _say(tell, f"pid {os.getpid()}")
        others = [descriptor for ended, (_, tells) in self._runs.items() for descriptor in (ended, tells)]
        for each in (stdin, output, tell, here, self._ending, self._door.detach(), *others):
            os.close(each)
        _look_again()
        from alphapulse_lib.engine.worker import attend

        attend(told, self._begin)

    def _leave(self, ended: int) -> None:
        """Say that a run's process has ended, once nothing of it is left."""
        child, tell = self._runs.pop(ended)
        os.close(ended)
        _, status = os.waitpid(child, 0)
        end_orphans({child for child, _ in self._runs.values()})
        _say(tell, f"ended {os.waitstatus_to_exitcode(status)}")
        os.close(tell)


def _look_again() -> None:
    """Forget which folders of the search path were not there as this process imported: Python asks for them once."""
    for folder in [folder for folder, finder in sys.path_importer_cache.items() if finder is None]:
        del sys.path_importer_cache[folder]


def _say(tell: int, words: str) -> None:
    with contextlib.suppress(BrokenPipeError):  # nobody waits for it any more
        os.write(tell, f"{words}\n".encode())


def _received(door: socket.socket) -> list[int]:
    """The descriptors of a request; none where nobody will ask any more."""
    size = array.array("i").itemsize
    message, beside, _, _ = door.recvmsg(1, socket.CMSG_SPACE(HANDED * size), socket.MSG_CMSG_CLOEXEC)
    handed = array.array("i")
    for _, _, data in beside:
        handed.frombytes(data[: len(data) - len(data) % size])
    return handed.tolist() if message else []
