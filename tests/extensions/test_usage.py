"""What a person's server tells the API of itself."""

from __future__ import annotations

from pathlib import Path

from job_server import LEAN, Server
from misbehaving_api import BusyApi, misbehaving
from waiting import until


def test_what_was_not_heard_is_soon_told_again(tmp_path: Path):
    """Not a minute later, as what was heard is."""
    root = tmp_path / "work"
    root.mkdir()
    with misbehaving(BusyApi(times=1)) as api:
        server = Server(root, *LEAN, kind="", ALPHAPULSE_API_URL=api.url, JUPYTERHUB_API_TOKEN="own")
        try:
            until(lambda: len(api.requests) > 1, 45)
        finally:
            server.stop()
    assert {each.split(b"\r\n")[0] for each in api.requests} == {b"PUT /services/api/v1/usage HTTP/1.1"}
