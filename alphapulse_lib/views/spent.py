"""What a run took beside what was estimated, in words."""

from __future__ import annotations

from collections.abc import Mapping

from alphapulse_lib.results.estimate import seconds

__all__ = ["told"]


def told(environment: Mapping[str, str]) -> str:
    """A sentence; empty of runs of before, which tell neither, and of a sweep's trials, which have no estimate.

    Parameters
    ----------
    environment : mapping of str to str
        A record's.
    """
    if "took_seconds" not in environment or "estimated_seconds" not in environment:
        return ""
    took, guess = (
        f"{seconds(float(environment[f'{name}_seconds']))} and {float(environment[f'{name}_megabytes']):,.0f} MB"
        for name in ("took", "estimated")
    )
    return f"Took {took}; about {guess} were estimated."
