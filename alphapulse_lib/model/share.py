"""What somebody lets others see of theirs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["EVERYBODY", "Share"]

#: With whom a thing is shared that everybody who signed in may see.
EVERYBODY = "*"


@dataclass(frozen=True, slots=True)
class Share:
    """That others may see one thing of its owner's. Times are in UTC.

    Attributes
    ----------
    kind : str
        What it is: ``"run"``.
    subject : str
        Which one: the run's id.
    audience : str
        Who may see it: a person's name, a group as ``@desk``, or ``*`` for everybody who signed in.
    made_by : str
        Who shared it: its owner, or an administrator.
    """

    id: str
    kind: str
    subject: str
    owner: str
    audience: str
    made_by: str
    made_at: datetime
