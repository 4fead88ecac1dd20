"""The page about the API is what the API says of itself."""

from __future__ import annotations

from hub.api.reference import PAGE, markdown


def test_the_reference_page_is_written_from_the_document():
    assert PAGE.read_text(encoding="utf-8") == markdown(), "write it anew: python -m hub.api.reference"


def test_it_tells_of_every_kind_of_route():
    told = PAGE.read_text(encoding="utf-8")
    for route in ("GET /health", "POST /v1/comments", "POST /v1/runs", "PATCH /v1/schedules/{schedule_id}"):
        assert f"### `{route}`" in told
