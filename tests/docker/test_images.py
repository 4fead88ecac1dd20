"""The two images, built by a real Docker from a base of Debian's own packages, and run without any right at all."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker_engine import BASE, HUB, NOTHING, PROJECT, TAG, WORKSPACE, Docker
from waiting import until

pytestmark = pytest.mark.timeout(1800)  # of which most is the first build

BACKTEST = ("SmaCross", "AAPL", "--start", "2010-01-04", "--end", "2012-12-31", "--json")
#: A secret that lies beside the code while an image is built.
CANARY = "canary-beside-the-code-of-an-image"
#: The sample has a bad row, which is set aside and told by this exit code.
SAMPLE = "{ alphapulse ingest sample >/dev/null || [ $? = 3 ]; }"


@pytest.fixture
def home(docker: Docker) -> Iterator[tuple[str, ...]]:
    """What a new person's container is run with: no right, and an empty volume as its home."""
    name = docker("volume", "create").strip()
    yield *NOTHING, f"--volume={name}:/home/researcher"
    docker("volume", "rm", "--force", name)


def test_a_run_in_a_container_without_any_right_is_the_run_outside_of_it(
    docker: Docker, home: tuple[str, ...], sample: Path
) -> None:
    """No capability, no network, nothing to write to but its volume: the same figures as this machine's own run."""
    inside = docker.run(WORKSPACE, "sh", "-c", f"{SAMPLE} && alphapulse backtest {' '.join(BACKTEST)}", options=home)
    command = [Path(sys.executable).with_name("alphapulse"), "backtest", *BACKTEST]
    outside = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    one, other = (json.loads(each) for each in (inside, outside))
    assert one["statistics"]["trades"] > 0
    assert one["statistics"] == other["statistics"]
    assert one["series"][0]["fingerprint"] == other["series"][0]["fingerprint"]


def test_nobody_in_it_is_root_and_nothing_of_the_image_can_be_written(docker: Docker) -> None:
    """What its own account may write is asked without the read-only root, which would hide it."""
    script = "id -u; id -g; grep ^Cap /proc/self/status; touch /opt/alphapulse/x 2>&1"
    user, group, *capabilities, refused = docker.run(WORKSPACE, "sh", "-c", f"{script} || true").splitlines()
    assert (user, group) == ("1000", "1000")
    assert {line.split()[1] for line in capabilities} == {"0" * 16}
    assert "Read-only file system" in refused
    for image in (WORKSPACE, HUB):
        found = docker.run(
            image, "find", "/opt/alphapulse", "!", "-type", "l", "-writable", options=("--network=none",)
        )
        assert found == ""


@pytest.mark.parametrize("image", [WORKSPACE, HUB])
def test_each_says_what_it_is_ends_what_it_starts_and_looks_after_itself(docker: Docker, image: str) -> None:
    told = docker.inspect(image)["Config"]
    assert told["User"] == "1000:1000" and told["Entrypoint"] == ["tini", "-g", "--"]
    assert told["Healthcheck"]["Test"][0] == "CMD" and told["Healthcheck"]["Interval"] > 0
    labels = {name.rpartition(".")[2]: value for name, value in told["Labels"].items() if "opencontainers" in name}
    assert labels["version"] == tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
    assert all(labels[name] for name in ("title", "description", "licenses", "revision"))


def test_a_server_in_it_is_healthy_until_it_answers_no_more(docker: Docker, home: tuple[str, ...]) -> None:
    often = ("--health-interval=1s", "--health-retries=2")
    name = docker("run", "--detach", *home, *often, WORKSPACE, "jupyter", "lab", "--no-browser").strip()
    health = lambda: docker.inspect(name)["State"]["Health"]["Status"]  # noqa: E731
    try:
        until(lambda: health() == "healthy", 240, lambda: docker("logs", name))
        stop = (
            "import psutil; [p.suspend() for p in psutil.process_iter() if 'jupyter-lab' in ''.join(p.cmdline()[1:2])]"
        )
        docker("exec", name, "python", "-c", stop)
        until(lambda: health() == "unhealthy", 240, lambda: docker("logs", name))
    finally:
        docker("rm", "--force", name)


def test_a_notebook_runs_on_our_kernel_in_it(docker: Docker, home: tuple[str, ...], sample_catalog: Path) -> None:
    source = "import nautilus_trader, panel, voila\nimport alphapulse_lib as ap\nlen(ap.bars('AAPL', '1d'))"
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "execution_count": None, "outputs": [], "source": source}
    notebook = json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    script = f"cat > a.ipynb <<'E'\n{notebook}\nE\npapermill --kernel alphapulse a.ipynb b.ipynb && cat b.ipynb"
    made = json.loads(
        docker.run(WORKSPACE, "sh", "-c", script, options=(*home, f"--volume={sample_catalog}:/catalog:ro"))
    )
    assert int("".join(made["cells"][-1]["outputs"][-1]["data"]["text/plain"])) > 1000


def test_the_hub_image_has_what_it_runs_and_no_engine_and_no_screens(docker: Docker) -> None:
    absent = ("nautilus_trader", "panel", "bokeh", "jupyterlab", "voila", "duckdb", "pandas", "polars")
    script = f"import importlib.util as i; print([name for name in {absent} if i.find_spec(name)])"
    assert docker.run(HUB, "python", "-c", script).strip() == "[]"
    script = "import hub.api.__main__, hub.access, hub.services, hub.spawner, hub.supervise; print('imported')"
    assert docker.run(HUB, "python", "-c", script).strip() == "imported"
    assert docker.run(HUB, "jupyterhub", "--version").startswith("6.")
    script = "from hub.network import *; print(*proxy_command(Network('127.0.0.1', *range(8000, 8005))))"
    command = docker.run(HUB, "python", "-c", script).split()
    proxy = command[: command.index("--ip")]  # Node, the walls it is given, and the proxy itself
    assert int(docker.run(HUB, *proxy, "--version").split(".")[0]) >= 5
    assert docker.inspect(HUB)["Size"] < 0.6 * docker.inspect(WORKSPACE)["Size"]


@pytest.mark.parametrize("image", [WORKSPACE, HUB])
def test_what_is_in_it_is_what_the_lock_file_says(docker: Docker, image: str) -> None:
    script = "import importlib.metadata as m; print(*(f'{d.name}=={d.version}' for d in m.distributions()), sep='\\n')"
    said = docker.run(image, "python", "-c", script, options=("--network=none", "--workdir=/tmp")).split()
    installed = {each.lower().replace("_", "-").replace(".", "-", each.split("==")[0].count(".")) for each in said}
    locked = tomllib.loads((PROJECT / "uv.lock").read_text())["package"]
    assert len(installed) > 50
    assert installed - {f"{package['name']}=={package['version']}" for package in locked} == set()


def test_a_change_of_code_makes_the_last_layers_alone_anew_and_takes_no_secret_along(
    docker: Docker, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    kept = [line[1:] for line in (PROJECT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for source in (PROJECT / name for name in (*kept, "docker", ".dockerignore")):
        (shutil.copytree if source.is_dir() else shutil.copy2)(source, project / source.name)
    with (project / "alphapulse_lib" / "errors.py").open("a") as file:
        file.write("\n# a change\n")
    for place in (".env", "keys.json", "var/keys.json", "var/master.key"):
        (project / place).parent.mkdir(exist_ok=True)
        (project / place).write_text(f"ALPHAPULSE_ALPACA_SECRET={CANARY}\n")
    try:
        docker.script("docker/build.sh", "workspace", folder=project, BASE_IMAGE=BASE, TAG="changed")
        assert CANARY not in docker("history", "--no-trunc", "alphapulse/workspace:changed")
        look = f"grep -rlF {CANARY} /opt/alphapulse /home /srv /tmp /catalog || true"
        assert docker.run("alphapulse/workspace:changed", "sh", "-c", look, options=("--network=none",)) == ""
        before, after = (docker.inspect(f"alphapulse/workspace:{tag}")["RootFS"]["Layers"] for tag in (TAG, "changed"))
    finally:
        docker("rmi", "alphapulse/workspace:changed", check=False)
    assert (before[:-2], len(before)) == (after[:-2], len(after))
    assert before[-2:] != after[-2:]


def test_what_cannot_be_built_is_said(docker: Docker, tmp_path: Path) -> None:
    def refused(image: str, **variables: str) -> str:
        done = subprocess.run(
            ["docker/build.sh", image], cwd=PROJECT, env=docker.environment | variables, capture_output=True, text=True
        )
        assert done.returncode == 1
        return done.stderr

    assert "there is no image 'worker'; there are: workspace hub database tls" in refused("worker")
    assert "daemon does not answer" in refused("hub", DOCKER_HOST=f"unix://{tmp_path / 'nobody.sock'}")
