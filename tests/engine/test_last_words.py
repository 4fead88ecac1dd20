"""What a process leaves that raises nothing: where it was, and nothing of what it forked."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil

from alphapulse_lib.engine.last_words import ask, told

_BEGIN = "from pathlib import Path; from alphapulse_lib.engine.last_words import listen; listen(Path(sys.argv[1]))"
_FORKING = """
def forks():
    if (child := os.fork()) == 0:
        os._exit(3)
    os.waitpid(child, 0)
    if (child := os.fork()) == 0:
        os.abort()
    os.waitpid(child, 0)
    assert not os.path.getsize(os.path.join(sys.argv[1], "last_words.txt"))

def leaves():
    os._exit(7)

forks()
leaves()
"""


def started(folder: Path, code: str, **pipes: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", f"import os, sys; {_BEGIN}\n{code}", str(folder)], **pipes)


def script(folder: Path, code: str, name: str = "strategy.py") -> str:
    path = folder / name
    path.write_text(code, encoding="utf-8")
    return f"import runpy; runpy.run_path({str(path)!r})"


def test_what_it_forks_leaves_nothing_and_its_own_leaving_is_told(tmp_path: Path) -> None:
    run = started(tmp_path, script(tmp_path, "import os, sys\n" + _FORKING, "Größe λ.py"))
    assert run.wait() == 7, "it forked, and its file held nothing of that"
    _, first, *_, line = told(tmp_path, {}).splitlines()
    assert first.endswith("line 16, in <module>"), "what lies around it is not the strategy's"
    assert line.strip() == "os._exit(7)"
    assert f'File "{tmp_path / "Größe λ.py"}", line 13, in leaves' in told(tmp_path, {})


def test_lines_that_only_another_process_holds_are_shown(tmp_path: Path) -> None:
    run = started(tmp_path, "exec(compile('import os\\nos._exit(7)', '<cell 3>', 'exec'))")
    assert run.wait() == 7
    assert "os._exit" not in told(tmp_path, {})
    assert told(tmp_path, {"<cell 3>": ["import os\n", "os._exit(7)\n"]}).splitlines()[-1].strip() == "os._exit(7)"


def test_native_code_that_never_returns_is_asked_and_answers(tmp_path: Path) -> None:
    code = "import ctypes, sys\nprint('there', flush=True)\nwhile True:\n    ctypes.CDLL(None).pause()\n"
    run = started(tmp_path, script(tmp_path, code), stdout=subprocess.PIPE)
    try:
        assert run.stdout is not None
        run.stdout.readline()
        while psutil.Process(run.pid).status() != psutil.STATUS_SLEEPING:
            time.sleep(0.01)
        ask(run.pid, tmp_path)
    finally:
        run.kill()
        run.communicate()
    assert told(tmp_path, {}).splitlines()[-1].strip() == "ctypes.CDLL(None).pause()"


_DEAF = """
import ctypes, signal, time

libc, thread = ctypes.CDLL(None), ctypes.c_ulong()
libc.pthread_create(ctypes.byref(thread), None, libc.sleep, ctypes.c_void_p(60))
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
print("there", flush=True)
time.sleep(0.3)
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1])
while True:
    pass
"""


def test_one_whose_native_thread_takes_the_question_is_asked_again(tmp_path: Path) -> None:
    run = started(tmp_path, script(tmp_path, _DEAF), stdout=subprocess.PIPE)
    try:
        assert run.stdout is not None
        run.stdout.readline()
        ask(run.pid, tmp_path)
    finally:
        run.kill()
        run.communicate()
    assert told(tmp_path, {}).splitlines()[-1].strip() in ("while True:", "pass")


def test_it_says_where_there_is_nothing_of_a_strategy(tmp_path: Path) -> None:
    ask(1, tmp_path)  # of a process that does not listen, nothing is asked
    assert told(tmp_path, {}) == "The strategy had not begun.\n"
    assert started(tmp_path, "os._exit(7)").wait() == 7
    assert told(tmp_path, {}) == "None of the strategy's own lines was being run just then.\n"
