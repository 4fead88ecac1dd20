"""What somebody lets others see of theirs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["EVERYBODY", "Rendering", "Share"]

#: With whom a thing is shared that everybody who signed in may see.
EVERYBODY = "*"


@dataclass(frozen=True, slots=True)
class Share:
    """That others may see one thing of its owner's. Times are in UTC.

    Attributes
    ----------
    kind : str
        What it is: ``"run"``; ``"rendering"``: a notebook as a page; ``"dashboard"``: some runs side by side.
    subject : str
        Which one: the run's id, the rendering's, or the dashboard's.
    runs : tuple of str
        Of a dashboard, the ids of the runs that it lays side by side; else none.
    audience : str
        Who may see it: a person's name, a group as ``@desk``, or ``*`` for everybody who signed in.
    made_by : str
        Who shared it: its owner, or an administrator.
    title : str
        What it is, for people: the run's strategy, symbols and window; the notebook's path; of a dashboard, its first
        run and how many others.
    """

    id: str
    kind: str
    subject: str
    runs: tuple[str, ...]
    owner: str
    audience: str
    made_by: str
    made_at: datetime
    title: str

    def __repr__(self) -> str:
        return f"<Share {self.id}: {self.title}, with {self.whom}>"

    @property
    def whom(self) -> str:
        """With whom, for people."""
        if self.audience == EVERYBODY:
            return "everybody who signed in"
        return f"the group {self.audience[1:]}" if self.audience.startswith("@") else self.audience


@dataclass(frozen=True, slots=True)
class Rendering:
    """A notebook as a page, made to be shared. Times are in UTC.

    Attributes
    ----------
    notebook : str
        Its path in its owner's workspace.
    size : int
        Bytes of the page.
    """

    id: str
    owner: str
    notebook: str
    size: int
    made_at: datetime
