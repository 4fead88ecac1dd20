"""The job extension in a real Jupyter server: notebooks run once, are saved whole, and end when they must."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from job_server import Server, of_job, write
from processes import command
from running_hub import PROJECT
from waiting import until


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("jobs") / "work {space}"
    root.mkdir()
    running = Server(root)
    yield running
    running.stop()


@pytest.fixture(scope="module", autouse=True)
def hung(server: Server) -> None:
    """A job that hangs until its limit; the other tests go on meanwhile."""
    name = write(
        server.root,
        "hangs.ipynb",
        "print('before')",
        "import subprocess, signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "subprocess.run(['sleep', '1000'], start_new_session=True)",
    )
    server.post("hangs", name, timeout=30)  # its kernel takes some of that to start on a busy machine
    until(lambda: any(command(process) == "sleep 1000" for process in of_job("hangs")))
    assert len(of_job("hangs")) >= 3
    assert not (server.root / "out" / "hangs.ipynb").exists()


def test_a_notebook_runs_with_its_parameters_in_its_own_folder(server: Server):
    name = write(
        server.root,
        "deep/sum.ipynb",
        "import os; print(a + b, os.path.basename(os.getcwd()))",
        parameters="a, b = 1, 2",
    )
    answer = server.post("sum", name, parameters={"b": 40})
    assert answer.status_code == 202
    assert answer.json()["state"] == "running"
    state = server.ended("sum")
    assert (state["state"], state["error"], state["cells"], state["cells_done"]) == ("done", "", 3, 3)
    done = server.notebook("sum")
    assert done.cells[-1].outputs[0].text == "41 deep\n"
    assert done.metadata.papermill.output_path == "out/sum.ipynb"


def test_a_job_runs_once_however_often_and_how_many_at_once_ask_for_it(server: Server):
    wait = "import os, time\nwhile not os.path.exists('all asked'): time.sleep(0.05)"
    name = write(server.root, "count.ipynb", "open('count.txt', 'a').write('x')", wait)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: server.post("count", name), range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [202]
    assert {answer.json()["state"] for answer in answers} == {"running"}
    (server.root / "all asked").touch()
    assert server.ended("count")["state"] == "done"
    assert server.post("count", name).json()["state"] == "done"
    assert (server.root / "count.txt").read_text() == "x"


def test_how_far_a_backtest_is_is_read_from_what_it_writes_while_the_notebook_runs(server: Server):
    wait = "while not os.path.exists('go'): time.sleep(0.05)"
    write_it = "import os, time; open(os.environ['ALPHAPULSE_PROGRESS_FILE'], 'w').write(open('says').read())"
    name = write(server.root, "far.ipynb", "import time", f"{write_it}\n{wait}")
    far = {"bars": 1_000_000, "bars_done": 412_000, "seconds_left": 8.1}
    (server.root / "says").write_text(json.dumps(far))
    assert server.post("far", name).json()["progress"] is None
    until(lambda: server.state("far")["progress"] == far)
    file = server.root / ".jobs" / "far" / "progress.json"
    for left in (None, 0.0):
        file.write_text(json.dumps(far | {"seconds_left": left}))
        assert server.state("far")["progress"] == far | {"seconds_left": left}
    swept = {"trials": 40, "trials_done": 12, "seconds_left": 8.1}
    file.write_text(json.dumps(swept))
    assert server.state("far")["progress"] == swept
    file.write_text(json.dumps(swept | {"trials_slow": 2}))
    assert server.state("far")["progress"] == swept | {"trials_slow": 2}
    odd = [
        {"trials": 40},
        swept | {"trials_done": -1},
        swept | {"trials_slow": "two"},
        far | {"bars": -1},
        far | {"bars_done": True},
        far | {"seconds_left": float("inf")},
        {"bars": 1},
        [],
        None,
    ]
    for text in (*map(json.dumps, odd), "{", "[" * 100_000, "\0"):
        file.write_text(text)
        assert server.state("far")["progress"] is None, text[:80]
    file.write_text(json.dumps(far))
    (server.root / "go").touch()
    ended = server.ended("far")
    assert (ended["state"], ended["progress"]) == ("done", None)


def test_a_notebook_that_raises_is_saved_with_its_error(server: Server):
    name = write(server.root, "raises.ipynb", "print('before')", "1 / 0", "print('never')")
    server.post("raises", name)
    state = server.ended("raises")
    assert state["state"] == "failed"
    assert state["error"].startswith("ZeroDivisionError: division by zero")
    outputs = [output for cell in server.notebook("raises").cells for output in cell.get("outputs", [])]
    assert [output.get("ename", output.get("text")) for output in outputs] == ["before\n", "ZeroDivisionError"]


def test_a_job_is_cancelled(server: Server):
    name = write(server.root, "long.ipynb", "while True: pass")
    server.post("long", name)
    until(lambda: len(of_job("long")) == 3)
    assert server.http.delete("/alphapulse/jobs/long").json()["state"] == "cancelled"
    assert of_job("long") == []
    assert server.http.delete("/alphapulse/jobs/long").json()["state"] == "cancelled"


def test_a_runner_that_is_killed_is_a_failed_job_without_a_kernel_left(server: Server):
    name = write(server.root, "killed.ipynb", "import time; time.sleep(1000)")
    server.post("killed", name)
    until(lambda: len(of_job("killed")) == 3)
    next(process for process in of_job("killed") if "alphapulse_jobs" in command(process)).kill()
    state = server.ended("killed")
    assert state["state"] == "failed"
    assert "ended by itself (-9)" in state["error"]
    until(lambda: of_job("killed") == [])


def test_a_notebook_that_cannot_be_read_is_a_failed_job(server: Server):
    (server.root / "torn.ipynb").write_text('{"cells": [')
    server.post("torn", "torn.ipynb")
    state = server.ended("torn")
    assert state["state"] == "failed"
    assert "NotJSONError" in state["error"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"notebook": "../outside.ipynb"}, "leads out of the workspace"),
        ({"notebook": "/etc/passwd.ipynb"}, "leads out of the workspace"),
        ({"notebook": "link.ipynb"}, "leads out of the workspace"),
        ({"notebook": "missing.ipynb"}, "There is no notebook 'missing.ipynb'"),
        ({"output": "../x.ipynb"}, "leads out of the workspace"),
        ({"output": "x.txt"}, "must end in .ipynb"),
        ({"output": "here.ipynb"}, "would replace the notebook itself"),
        ({"output": 3}, "must end in .ipynb"),
        ({"id": "../x"}, "is no id of a job"),
        ({"id": ".."}, "is no id of a job"),
        ({"id": None}, "is no id of a job"),
        ({"timeout": 0}, "no count of seconds"),
        ({"timeout": "5"}, "no count of seconds"),
        ({"parameters": []}, "parameters must be an object"),
        ({"parameters": {"a b": 1}}, "parameters must be an object"),
        ({"what": 1}, "['what'] is not understood"),
    ],
)
def test_what_cannot_be_run_is_refused(server: Server, change: dict[str, Any], says: str):
    write(server.root, "here.ipynb", "1")
    write(server.root.parent, "outside.ipynb", "1")
    if not (server.root / "link.ipynb").is_symlink():
        (server.root / "link.ipynb").symlink_to(server.root.parent / "outside.ipynb")
    body = {"id": "refused", "notebook": "here.ipynb", "output": "out/refused.ipynb"} | change
    answer = server.http.post("/alphapulse/jobs", json=body)
    assert answer.status_code == 400
    assert says in answer.json()["message"]
    assert not (server.root / ".jobs" / "refused").exists()


def test_a_body_that_is_no_job_is_refused(server: Server):
    assert server.http.post("/alphapulse/jobs", json=[]).status_code == 400
    assert server.http.post("/alphapulse/jobs", content=b"{").status_code == 400
    assert server.http.get("/alphapulse/jobs/unknown").status_code == 404
    assert httpx.get(f"http://127.0.0.1:{server.port}/alphapulse/jobs/unknown", trust_env=False).status_code == 403


def test_the_server_knows_which_extensions_are_for_screens(server: Server):
    there = {path.name for path in (Path(sys.prefix) / "etc/jupyter/jupyter_server_config.d").glob("*.json")}
    named = [
        json.loads((Path(sys.prefix) / "etc/jupyter/jupyter_server_config.d" / name).read_text()) for name in there
    ]
    enabled = {module for each in named for module in each["ServerApp"]["jpserver_extensions"]}
    config = (PROJECT / "hub/jupyter/jupyter_server_config.py").read_text()
    assert [module for module in enabled if f'"{module}"' not in config] == []
    assert server.http.get("/lab").status_code == 404


def test_a_notebook_that_hangs_is_ended_at_its_limit_with_all_its_processes(server: Server):
    state = server.ended("hangs")
    assert (state["state"], state["error"]) == ("timed-out", "It still ran after 30 s and was ended.")
    assert of_job("hangs") == []
    outputs = [output for cell in server.notebook("hangs").cells for output in cell.outputs]
    assert [output.get("ename", output.get("text")) for output in outputs] == ["before\n", "JobEnded"]
