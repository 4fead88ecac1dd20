"""Asking a vendor through a hub, as a person does who loses patience."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest
from misbehaving_api import SilentApi, misbehaving

import alphapulse_lib as ap
from alphapulse_lib.errors import StoppedWaiting


def test_interrupted_before_the_hub_has_answered_nobody_claims_to_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with misbehaving(SilentApi()) as api:
        monkeypatch.setenv("ALPHAPULSE_API_URL", api.url)
        monkeypatch.setenv("ALPHAPULSE_PERSONAL_CATALOG", str(tmp_path / "own"))
        monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "token")

        def interrupt() -> None:
            deadline = time.monotonic() + 120
            while not api.requests and time.monotonic() < deadline:
                time.sleep(0.02)
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=interrupt).start()
        with pytest.raises(StoppedWaiting, match="it may have taken the request for data of alpaca, or not") as met:
            ap.ingest("alpaca", ["AAPL"], "1d", "2020-08-27", "2020-09-01")
        api.may_answer.set()
        assert b"POST /services/api/v1/ingests" in api.requests[0]
        assert "ap.ingests()" in met.value.hint
