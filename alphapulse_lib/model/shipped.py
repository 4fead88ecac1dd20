"""The strategies that AlphaPulse ships, by their names: who runs none in their own process knows them, too."""

from __future__ import annotations

__all__ = ["SHIPPED"]

#: The strategies of `alphapulse_lib.engine.strategies`, which a test holds this to.
SHIPPED = ("MeanReversion", "NewsSentiment", "SmaCross")
