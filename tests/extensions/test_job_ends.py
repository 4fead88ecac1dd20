"""How a job ends: all that its notebook started ends too, its notebook is never torn, and it says what was wrong."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from alphapulse_jobs.folder import JobFolder
from alphapulse_jobs.publish import publish
from alphapulse_jobs.runner import run
from job_server import Server, lasted, of_job, write
from processes import command
from waiting import until

#: A process that leaves parent, session and group and drops its environment; its number is left in a file.
HIDES = """
import os
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.closerange(0, 256)
        os.execve("/bin/sh", ["sh", "-c", "echo $$ > {to}; while :; do sleep 1; done"], {{"PATH": os.environ["PATH"]}})
    os._exit(0)
os.wait()
import time
while not os.path.exists("{to}"): time.sleep(0.05)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("ends") / "work"
    root.mkdir()
    running = Server(root)
    yield running
    running.stop()


@pytest.fixture(scope="module", autouse=True)
def forgotten(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Future[int | None]]]:
    """Two servers that a hub started and forgot, one of them with a job; and how that one was when the other ended.

    The other tests go on meanwhile.
    """
    servers = []
    for name in ("idle", "busy"):
        root = tmp_path_factory.mktemp(name) / "work"
        root.mkdir()
        servers.append(Server(root, "--ServerApp.shutdown_no_activity_timeout=5"))
    idle, busy = (each.process for each in servers)
    servers[1].post("long", write(servers[1].root, "long.ipynb", "import time; time.sleep(40)"), timeout=120)
    with ThreadPoolExecutor(1) as watching:
        yield servers[1], watching.submit(lambda: (idle.wait(), busy.poll())[1])
        for each in (idle, busy):
            each.kill()
            each.wait()


@pytest.fixture(scope="module", autouse=True)
def hung(server: Server) -> None:
    """A job that hangs until its limit, of which its kernel takes some to start; the other tests go on meanwhile."""
    server.post("hides-hangs", hiding(server.root, "hides-hangs", "time.sleep(1000)"), timeout=40)


def hidden(root: Path, name: str) -> int:
    """The number of the process that hides, once it lives."""
    path = root / f"{name}.pid"
    until(lambda: path.exists() and path.read_text().strip())
    return int(path.read_text())


def lives(number: int) -> bool:
    try:
        return psutil.Process(number).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def hiding(root: Path, name: str, *cells: str) -> str:
    return write(root, f"{name}.ipynb", HIDES.format(to=f"{name}.pid"), *cells)


def runner(job_id: str) -> psutil.Process:
    """The process that runs papermill; its parent is the guard."""
    (found,) = [
        each for each in of_job(job_id) if "alphapulse_jobs" in command(each) and of_guard(each.parent(), job_id)
    ]
    return found


def of_guard(parent: psutil.Process | None, job_id: str) -> bool:
    return parent is not None and all(word in command(parent).split() for word in ("alphapulse_jobs", job_id))


def outputs(server: Server, job_id: str) -> list[Any]:
    return [output for cell in server.notebook(job_id).cells for output in cell.get("outputs", [])]


def test_what_hides_ends_when_the_job_is_cancelled(server: Server):
    server.post("hides-cancelled", hiding(server.root, "hides-cancelled", "while True: pass"))
    number = hidden(server.root, "hides-cancelled")
    assert server.http.delete("/alphapulse/jobs/hides-cancelled", timeout=30).json()["state"] == "cancelled"
    assert not lives(number)


@pytest.mark.parametrize("which", ["runner", "guard", "both"])
def test_what_hides_ends_though_the_job_s_own_processes_are_killed(server: Server, which: str):
    job_id = f"hides-{which}"
    server.post(job_id, hiding(server.root, job_id, "while True: pass"))
    number = hidden(server.root, job_id)
    found = runner(job_id)
    guard = found.parent()
    assert guard is not None
    guard.suspend()  # so that neither can tell the other
    for each in {"runner": [found], "guard": [guard], "both": [guard, found]}[which]:
        each.kill()
    if which == "runner":
        guard.resume()
    state = server.ended(job_id)
    assert (state["state"], "ended by itself (-9)" in state["error"]) == ("failed", True)
    assert not lives(number)
    assert of_job(job_id) == []
    assert outputs(server, job_id)[-1].ename == "JobEnded"


@pytest.mark.parametrize(
    ("states", "told"),
    [
        (["completed", "running", "pending"], 1),
        (["completed", "pending", "pending"], 1),  # ended between two cells
        (["pending", "pending", "pending"], 0),
        (["completed", "completed", "completed"], 2),
    ],
)
def test_why_a_job_ended_is_told_where_it_stopped(tmp_path: Path, states: list[str], told: int):
    folder = JobFolder(tmp_path, "ended")
    folder.path.mkdir(parents=True)
    cells = [nbformat.v4.new_code_cell("1", metadata={"papermill": {"status": state}}) for state in states]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"papermill": {}}), folder.partial)
    assert publish(folder, {"notebook": "a.ipynb", "output": "b.ipynb"}, "It was ended by hand.") == ""
    cells = nbformat.read(tmp_path / "b.ipynb", as_version=4).cells
    assert [[output.evalue for output in each.outputs] for each in cells] == [
        ["It was ended by hand."] if number == told else [] for number in range(3)
    ]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_job_and_what_hides_end_with_the_server_and_the_job_is_lost(tmp_path: Path, number: int):
    root = tmp_path / "work"
    root.mkdir()
    running = Server(root)
    running.post("lost", hiding(root, "lost", "while True: pass"))
    process = hidden(root, "lost")
    assert len(of_job("lost")) == 3
    running.stop(number)
    until(lambda: not lives(process) and of_job("lost") == [])
    running.start()
    try:
        state = running.state("lost")
        assert (state["state"], state["error"]) == ("lost", "Its server, or its container, was ended while it ran.")
        assert running.post("lost", "lost.ipynb").json()["state"] == "lost"
        assert not (root / "out").exists()
    finally:
        running.stop()


@pytest.mark.survival
@pytest.mark.parametrize("death", ["os._exit(1)", "os.kill(os.getpid(), 9)"])
def test_a_kernel_that_dies_is_a_failed_job_that_says_in_which_cell(
    server: Server, death: str, figure: Callable[[str], None]
):
    job_id = f"dies-{len(death)}"
    server.post(
        job_id, write(server.root, f"{job_id}.ipynb", "print('before')", f"import os; {death}", "print('never')")
    )
    state = server.ended(job_id)
    figure(f"{state['state']} after {lasted(state):.1f} s: {state['error'].splitlines()[0]}")
    assert state["state"] == "failed"
    assert state["error"].startswith("The kernel died")
    assert "(cell 2 of the notebook)" in state["error"]
    assert [output.get("ename", output.get("text")) for output in outputs(server, job_id)] == ["before\n", "JobEnded"]
    assert [cell.metadata.papermill.status for cell in server.notebook(job_id).cells[:2]] == ["completed", "failed"]


#: How large a file the processes that save may write: 0 is a disk that is full from one moment on.
FULL = "import os, resource; resource.prlimit(os.getppid(), resource.RLIMIT_FSIZE, ({size}, {size}))"


@pytest.mark.parametrize("size", [0, 5000])
def test_a_full_disk_is_a_failed_job_with_the_notebook_as_it_was_saved_last(server: Server, size: int):
    job_id = f"full-{size}"
    cells = ("print('before')", FULL.format(size=size), "print('x' * 100_000)", "print('never')")
    server.post(job_id, write(server.root, f"{job_id}.ipynb", *cells))
    state = server.ended(job_id)
    assert state["state"] == "failed"
    assert state["error"].startswith(f"The notebook could not be saved in .jobs/{job_id} while it ran: file too large.")
    assert (state["cells"], state["cells_done"]) == (4, 2 if size else 1)
    assert outputs(server, job_id)[0].text == "before\n"
    assert not (server.root / ".jobs" / job_id / "whole.ipynb").exists()
    assert of_job(job_id) == []
    assert server.post(job_id, f"{job_id}.ipynb").json()["state"] == "failed"


def test_a_notebook_that_removes_its_job_s_folder_fails_and_is_not_run_again(server: Server):
    remove = "import shutil, pathlib; shutil.rmtree(pathlib.Path('.jobs/removes'))"
    name = write(server.root, "removes.ipynb", "open('removes.txt', 'a').write('x')", remove, "print('never')")
    server.post("removes", name)
    state = server.ended("removes")
    assert state["state"] == "failed"
    assert "could not be saved in .jobs/removes" in state["error"]
    assert server.post("removes", name).json()["state"] == "failed"
    assert (server.root / "removes.txt").read_text() == "x"


@pytest.mark.parametrize("way", ["a file for a folder", "a folder for the file"])
def test_an_output_that_cannot_be_put_there_is_a_failed_job_that_says_where_it_is(server: Server, way: str):
    job_id = f"nowhere-{way[2:6]}"
    if way == "a file for a folder":
        (server.root / "taken").write_text("somebody's")
        output = "taken/x.ipynb"
    else:
        (server.root / "folder.ipynb" / "x").mkdir(parents=True)
        output = "folder.ipynb"
    server.post(job_id, write(server.root, f"{job_id}.ipynb", "print('whole')"), output=output)
    state = server.ended(job_id)
    kept = f".jobs/{job_id}/whole.ipynb"
    assert state["state"] == "failed"
    assert state["error"].startswith(f"The notebook could not be saved as {output} (")
    assert state["error"].endswith(f"it is {kept}.")
    assert nbformat.read(server.root / kept, as_version=4).cells[0].outputs[0].text == "whole\n"


@pytest.mark.parametrize("content", [b'{"cells": [', b"\xff\xfe\x00"])
def test_what_is_no_notebook_is_a_failed_job_that_says_so(server: Server, content: bytes):
    job_id = f"no-{len(content)}"
    (server.root / "no.ipynb").write_bytes(content)
    server.post(job_id, "no.ipynb")
    state = server.ended(job_id)
    assert (state["state"], state["error"].startswith("'no.ipynb' is no notebook: ")) == ("failed", True), state
    assert not (server.root / "out" / f"{job_id}.ipynb").exists()


@pytest.mark.parametrize(
    "content",
    [
        *("", "[]", "7", '"x"', "null", '{"a": 1}', '{"nbformat": 4, "nbformat_minor": 5, "cells": 3}'),
        '{"nbformat": 99, "nbformat_minor": 0, "cells": [], "metadata": {}}',
    ],
)
def test_nothing_else_is_a_notebook_to_the_process_that_runs_it(tmp_path: Path, content: str):
    (tmp_path / "no.ipynb").write_text(content)
    folder = JobFolder(tmp_path, "no")
    lock = folder.make({"state": "running", "notebook": "no.ipynb", "output": "out.ipynb", "parameters": {}})
    assert lock is not None
    reading, told = os.pipe()
    run(tmp_path, "no", lock, told)
    os.close(told)
    os.close(lock)
    with os.fdopen(reading) as server:
        end = json.load(server)
    assert (end["state"], end["error"].startswith("'no.ipynb' is no notebook: ")) == ("failed", True), end
    assert (folder.read()["state"], (tmp_path / "out.ipynb").exists()) == ("failed", False)


def test_a_kernel_that_is_not_here(server: Server):
    for name, kernel in (("r", {"name": "ir", "language": "R"}), ("old", {"name": "old-python", "language": "python"})):
        write(server.root, f"{name}.ipynb", "print(1)")
        notebook = nbformat.read(server.root / f"{name}.ipynb", as_version=4)
        notebook.metadata.kernelspec = {"display_name": "", **kernel}
        nbformat.write(notebook, server.root / f"{name}.ipynb")
        server.post(name, f"{name}.ipynb")
    state = server.ended("r")
    assert state["state"] == "failed"
    assert state["error"].startswith("Its kernel 'ir' (R) is not installed here; there are alphapulse")
    assert server.ended("old")["state"] == "done"


def test_a_kernel_that_does_not_start(server: Server):
    spec = server.root / "jupyter" / "kernels" / "broken"
    spec.mkdir(parents=True)
    (spec / "kernel.json").write_text('{"argv": ["/nowhere/python"], "display_name": "b", "language": "python"}')
    write(server.root, "broken.ipynb", "print(1)")
    notebook = nbformat.read(server.root / "broken.ipynb", as_version=4)
    notebook.metadata.kernelspec = {"display_name": "", "name": "broken"}
    nbformat.write(notebook, server.root / "broken.ipynb")
    server.post("broken", "broken.ipynb")
    state = server.ended("broken")
    assert state["state"] == "failed"
    assert "/nowhere/python" in state["error"]


def test_a_workspace_that_takes_no_job_says_so(tmp_path: Path):
    root = tmp_path / "work"
    root.mkdir()
    (root / ".jobs").write_text("somebody's")
    running = Server(root)
    try:
        answer = running.post("any", write(root, "any.ipynb", "1"))
        assert answer.status_code == 507
        assert answer.json()["message"].startswith("The workspace takes no job: in its folder .jobs nothing can be")
    finally:
        running.stop()


def test_folders_that_are_no_jobs_are_in_nobody_s_way(server: Server):
    jobs = server.root / ".jobs"
    jobs.mkdir(exist_ok=True)
    for name in ("mine of old", ".new-abandoned", "damaged"):
        (jobs / name).mkdir()
        (jobs / name / "state.json").write_text("{")
        os.utime(jobs / name, (0, 0))
    (jobs / "a file").write_text("")
    server.post("beside", write(server.root, "beside.ipynb", "1"))
    assert server.ended("beside")["state"] == "done"
    assert (jobs / "mine of old").exists()
    assert not (jobs / ".new-abandoned").exists()
    assert not (jobs / "damaged").exists()


@pytest.mark.parametrize("megabytes", [100, pytest.param(1000, marks=[pytest.mark.siege, pytest.mark.timeout(1800)])])
@pytest.mark.survival
def test_of_a_cell_that_prints_without_end_ten_million_characters_are_kept(
    server: Server, megabytes: int, figure: Callable[[str], None]
):
    job_id = f"prints-{megabytes}"
    cells = (
        "import os\nfrom IPython.display import clear_output\nprint('before')",
        f"for _ in range({megabytes}): print('x' * 999_999)",
        "for n in range(5): clear_output(wait=n < 4); print(str(n) * 4_000_000)",
        "for n in range(5): clear_output(wait=True); print(str(n) * 11_000_000)",
        "peak = open(f'/proc/{os.getppid()}/status').read().partition('VmHWM:')[2].split()[0]; print(peak)",
    )
    server.post(job_id, write(server.root, f"{job_id}.ipynb", *cells), timeout=1500)
    state = server.ended(job_id, within=1500)
    assert (state["state"], state["error"]) == ("done", "")
    before, printed, shown, too_long, peak = (cell.outputs for cell in server.notebook(job_id).cells)
    assert before[0].text == "before\n"
    assert sum(len(each.text) for each in printed if each.name == "stdout") == 10_000_000
    assert printed[-1].text == "AlphaPulse kept no more of this cell's output: it is over 10,000,000 characters.\n"
    assert "".join(each.text for each in shown) == "4" * 4_000_000 + "\n", "what was cleared takes nobody's room"
    assert [len(each.text) for each in too_long if each.name == "stdout"] == [10_000_000]
    assert [each.text for each in too_long if each.name == "stderr"] == [printed[-1].text]
    held = sum(each.stat().st_size for each in server.root.rglob("*") if each.is_file() and job_id in str(each))
    figure(
        f"{megabytes} MB printed: {held / 1e6:.0f} MB on the disk, at most {int(peak[0].text) / 1e3:.0f} MB of memory"
    )
    assert held < 60_000_000


@pytest.mark.survival
@pytest.mark.parametrize(
    ("job_id", "last", "limit", "ends"),
    [
        ("hides-done", "1", 60, "done"),
        ("hides-raises", "1 / 0", 60, "failed"),
        ("hides-dies", "os._exit(1)", 60, "failed"),
        ("hides-hangs", None, 40, "timed-out"),  # begun in `hung`
    ],
)
def test_what_hides_ends_with_the_job(
    server: Server, job_id: str, last: str | None, limit: int, ends: str, figure: Callable[[str], None]
):
    if last:
        server.post(job_id, hiding(server.root, job_id, last), timeout=limit)
    state = server.ended(job_id)
    figure(
        f"{ends} after {lasted(state):.1f} s, its limit being {limit} s; {len(of_job(job_id))} of its processes left"
    )
    assert state["state"] == ends
    assert not lives(hidden(server.root, job_id))


def test_a_server_that_has_nothing_to_do_ends_by_itself_and_one_that_has_does_not(
    forgotten: tuple[Server, Future[int | None]],
):
    busy, how_it_was = forgotten
    assert how_it_was.result(timeout=100) is None, "it ended with the one that had nothing to do"
    busy.process.wait(timeout=200)  # nobody asked meanwhile
    assert busy.notebook("long").metadata.papermill.exception is None
