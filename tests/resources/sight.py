"""The sight of somebody from whom nothing is kept, for tests of what lies below the API's routes."""

from __future__ import annotations

from hub.api.shares.sight import Sight

__all__ = ["ALL_SEEING"]

ALL_SEEING = Sight("", is_admin=True, all_runs=True, people=frozenset(), audiences=frozenset())
