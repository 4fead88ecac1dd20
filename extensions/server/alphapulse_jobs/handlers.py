"""The extension's requests: who asks is checked by the server, what is asked by `jobs`."""

from __future__ import annotations

import json
from typing import Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado import web

from alphapulse_jobs.folder import Refused
from alphapulse_jobs.jobs import Jobs

__all__ = ["JobHandler", "JobsHandler"]


class _Handler(APIHandler):
    auth_resource = "jobs"

    def initialize(self, jobs: Jobs) -> None:
        """Take the jobs of this server."""
        self.jobs = jobs

    def answer(self, state: dict[str, Any], status: int = 200) -> None:
        """Send a job's state."""
        self.set_status(status)
        self.finish(json.dumps(state))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Send what `jobs` refused in its own words; anything else as the server does."""
        refused = kwargs.get("exc_info", (None, None))[1]
        if not isinstance(refused, Refused):
            return super().write_error(status_code, **kwargs)
        self.set_status(refused.status)
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps({"message": str(refused), "refused": "job"}))
        return None

    def log_exception(self, kind: Any, value: Any, traceback: Any) -> None:
        """A refusal is the caller's mistake and not logged as ours."""
        if not isinstance(value, Refused):
            super().log_exception(kind, value, traceback)


class JobsHandler(_Handler):
    """``/alphapulse/jobs``."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Start a job; for an id that is known already, answer its state and start nothing."""
        state, fresh = await self.jobs.start(self.get_json_body())
        self.answer(state, 202 if fresh else 200)


class JobHandler(_Handler):
    """``/alphapulse/jobs/{id}``."""

    @web.authenticated
    @authorized
    async def get(self, job_id: str) -> None:
        """A job's state."""
        self.answer(self.jobs.state(job_id))

    @web.authenticated
    @authorized
    async def delete(self, job_id: str) -> None:
        """End a job that runs; of one that is over, answer its state."""
        self.answer(await self.jobs.cancel(job_id))
