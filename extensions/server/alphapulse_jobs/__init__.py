"""A Jupyter server extension that runs notebooks: one POST runs one with papermill, in a process of its own.

It also tells JupyterLab what its owner is to know.

::

    POST   {base_url}alphapulse/jobs          {id, notebook, output, parameters, timeout}: once for each id
    GET    {base_url}alphapulse/jobs/{id}     state: running, done, failed, timed-out, cancelled or lost
    DELETE {base_url}alphapulse/jobs/{id}     ends it
    GET    {base_url}alphapulse/notices       what JupyterLab shows unasked

The executed notebook is saved after each cell under ``.jobs/<id>/`` and takes its own name, whole, when it ends, also
when it fails. A job ends with its server; its state stays in the workspace.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

__all__: list[str] = []


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "alphapulse_jobs"}]


def _load_jupyter_server_extension(app: Any) -> None:
    # Here, since a job's own process needs none of it and each firing would wait for it.
    from jupyter_server.utils import url_path_join

    from alphapulse_jobs import believed
    from alphapulse_jobs.handlers import JobHandler, JobsHandler
    from alphapulse_jobs.jobs import Jobs
    from alphapulse_jobs.room import Room
    from alphapulse_jobs.usage import Usage

    believed.believe()
    settings = app.web_app.settings
    alone = os.environ.get("ALPHAPULSE_SERVER") == "job"
    api, token = os.environ.get("ALPHAPULSE_API_URL", ""), os.environ.get("JUPYTERHUB_API_TOKEN", "")
    root = Path(settings["server_root_dir"]).expanduser()
    jobs = Jobs(root, alone, settings["last_activity_times"])
    room = Room(root, 1_000_000 * int(os.environ.get("ALPHAPULSE_DISK_LIMIT") or 0))
    at = url_path_join(settings["base_url"], "alphapulse")
    if not alone:
        from alphapulse_jobs import doors, idle
        from alphapulse_jobs.notices import Announcement, NoticesHandler

        doors.close()
        idle.watch(app)
        told = {"room": room, "announcement": Announcement(api)}
        app.web_app.add_handlers(".*$", [(url_path_join(at, "notices"), NoticesHandler, told)])
    for path, handler in (("jobs", JobsHandler), ("jobs/([^/]+)", JobHandler)):
        app.web_app.add_handlers(".*$", [(url_path_join(at, path), handler, {"jobs": jobs})])
    if api and token:
        name = os.environ.get("JUPYTERHUB_SERVER_NAME", "")
        usage = Usage(app, jobs, None if alone else room, name, api, token)
        app.io_loop.add_callback(usage.go_on)
