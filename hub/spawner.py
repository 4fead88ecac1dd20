"""How workspaces start: as plain processes here, as containers or pods, or by any spawner JupyterHub knows by name."""

from __future__ import annotations

import os
import sys
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from alphapulse_lib.errors import SettingsError, did_you_mean
from alphapulse_lib.settings import Settings
from hub import containers, pods, team_folders
from hub.allowance import MOST_TEAMS

__all__ = ["JOB", "check", "configure", "warning"]

#: How the names of servers begin that the worker starts to run one notebook in; their owner never looks at one.
JOB = "job-"

NO_ISOLATION = (
    "Workspaces run as plain processes of one account: nothing isolates their owners from each other or from the hub. "
    "Fit for one person or a team that shares everything; set ALPHAPULSE_SPAWNER for more."
)


def check(chosen: Settings) -> None:
    """Refuse a spawner that JupyterHub does not know.

    Raises
    ------
    SettingsError
        With the nearest name that it knows.
    HubError
        Containers, or pods, cannot be started here.
    """
    known = {"process", "kubernetes", *(point.name for point in entry_points(group="jupyterhub.spawners"))}
    if chosen.spawner not in known and "." not in chosen.spawner:
        raise SettingsError(
            f"ALPHAPULSE_SPAWNER={chosen.spawner!r}: JupyterHub knows no such spawner.",
            did_you_mean(chosen.spawner, known, "ALPHAPULSE_SPAWNER=process is the one that needs nothing else."),
        )
    if chosen.spawner == "docker":
        containers.check(chosen)
    if chosen.spawner == "kubernetes":
        pods.check(chosen)


def warning(chosen: Settings) -> str:
    """What whoever runs the hub, and whoever signs in, has to know of its walls; empty where there is nothing."""
    if chosen.spawner == "docker":
        return "" if chosen.docker_hub else containers.ON_THE_MACHINE
    return NO_ISOLATION if chosen.spawner == "process" else ""


def configure(c: Any, chosen: Settings) -> None:
    """Tell JupyterHub how workspaces start; ``c`` is its configuration object."""
    c.Spawner.default_url = "/lab"
    # A cold disk on a busy machine has to read JupyterLab first.
    c.Spawner.start_timeout = 180
    c.Spawner.http_timeout = 180
    c.Spawner.pre_spawn_hook = _lean
    c.JupyterHub.implicit_spawn_seconds = 0.5  # a link into a workspace that is stopped starts it
    # A hub that starts again first asks each server whether it is there. One that was just starting itself kept
    # everybody waiting, ten seconds; now it is awaited while the hub answers.
    c.JupyterHub.init_spawners_timeout = 1
    told: dict[str, Any] = {"announcement": warning(chosen)} if warning(chosen) else {}
    if chosen.spawner == "docker" or (chosen.spawner == "kubernetes" and chosen.kubernetes_team_storage):
        told["without_folder"] = partial(_without_folder, chosen)
    if told:
        c.JupyterHub.template_vars = told
    if chosen.spawner == "docker":
        containers.configure(c, chosen)
        return
    if chosen.spawner == "kubernetes":
        pods.configure(c, chosen)
        return
    if chosen.spawner != "process":
        c.JupyterHub.spawner_class = chosen.spawner
        return
    c.JupyterHub.spawner_class = "hub.process_spawner.ProcessSpawner"
    c.ProcessSpawner.home_dir_template = str(chosen.home_root / "users" / "{username}")
    c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]
    c.Spawner.args = ["--allow-root"] if os.geteuid() == 0 else []
    c.Spawner.environment = {"PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}"}


def _without_folder(chosen: Settings, user: Any) -> list[str]:
    """The teams of whoever sees a page of the hub's whose folder has no place in their workspace."""
    return team_folders.theirs(user, chosen)[MOST_TEAMS:] if hasattr(user, "groups") else []


def _lean(spawner: Any) -> None:
    """Start a job's server without JupyterLab and the other screens."""
    if spawner.name.startswith(JOB):
        lean = {"JUPYTERHUB_SINGLEUSER_APP": "jupyter_server.serverapp.ServerApp", "ALPHAPULSE_SERVER": "job"}
        spawner.environment = {**spawner.environment, **lean}  # a new one: the old is every spawner's
        spawner.default_url = "/api"
