"""How far a sweep is: a card that is drawn anew in a notebook, one line in a terminal.

Of one that is done the card becomes a line in its place, which a saved notebook keeps: the result has a card of its
own.
Of one that was stopped, or failed, the card stays, for no result will say how far it came.
"""

from __future__ import annotations

import math
import sys
import time
from html import escape
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from alphapulse_lib.results.estimate import seconds
from alphapulse_lib.results.swept import Trial
from alphapulse_lib.session.forecasts import Forecast
from alphapulse_lib.session.hub import warn
from alphapulse_lib.session.job import Job
from alphapulse_lib.session.progress import while_seen
from alphapulse_lib.views import numbers, sweep_board

if TYPE_CHECKING:
    from alphapulse_lib.results.slow import Slow

__all__ = ["SweepMeter"]

#: A terminal's line: its bar is short, for what is best so far has to be read beside it.
_LINE = "{desc} {percentage:3.0f}%|{bar:10}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}{postfix}]"
#: Seconds between two drawings.
_PACE = 0.5
#: What is proposed as the most that a trial may take: so many times what others do, and so many seconds at least.
_TIMES, _LEAST = 10, 60


class SweepMeter:
    """Shows each trial as it ends.

    Parameters
    ----------
    title : str
        Which strategy on what.
    total : int
        How many trials there will be.
    shown : bool
        Otherwise nothing is. A job hears of it in any case.

    Attributes
    ----------
    count : int
        How many trials ended.
    """

    def __init__(self, title: str, objective: str, total: int, *, shown: bool) -> None:
        self._title, self._objective, self.total, self._shown = title, objective, total, shown
        self._trials: list[Trial] = []
        self._best: Trial | None = None
        self.count, self._part, self._drawn, self._since = 0, "", 0.0, time.monotonic()
        self._card: Any = None
        self._bar: Any = None
        self._coming: Forecast | None = None
        self._failed = 0
        # When the first trial ended that was run for this, and how many had by then: before that data were read.
        self._first: tuple[float, int] | None = None
        self._slow: dict[str, str] = {}
        self._waiting = ""
        self._entered, self._job = False, Job("trials")

    def __enter__(self) -> Self:
        self._entered = True
        self._tell_job()
        if self._shown and not _in_notebook():
            from tqdm import tqdm

            with while_seen():
                self._bar = tqdm(
                    total=self.total, unit="trial", desc="sweep", leave=False, file=sys.stderr, bar_format=_LINE
                )
            self._shown = self._bar is not None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._job.forget()
        if self._bar is not None:
            with while_seen(self._bar):
                self._bar.close()
        elif self._card is not None and kind is None:
            self._shrink()
        elif self._shown and self._trials:
            self._draw()

    def tell(self, coming: Forecast) -> None:
        """Say what is coming, before the first trial begins; it hears of each trial."""
        self._coming, self._since = coming, time.monotonic()
        self._tell_job()
        if self._shown and _in_notebook():
            self._draw()
        elif self._bar is not None:
            with while_seen(self._bar):
                self._bar.reset(self.total)  # of a walk-forward it is known once its data are read
                self._bar.write(coming.estimate.text, file=sys.stderr)
        elif self._shown:
            with while_seen():
                sys.stderr.write(f"{coming.estimate.text}\n")

    def begin(self, part: str) -> None:
        """Another window begins: what is best is best there."""
        self._part, self._trials, self._best = part, [], None

    def seen(self, trial: Trial) -> None:
        """A trial ended."""
        self.count, self._waiting = self.count + 1, ""
        self._slow.pop(trial.record.id, None)
        if self._coming and self._coming.seen(trial) and self._first is None:
            self._begin_counting()
        self._tell_job()
        self._trials.append(trial)
        self._failed += trial.record.status != "finished"
        if math.isfinite(trial.value) and (self._best is None or trial.value > self._best.value):
            self._best = trial
        if self._bar is not None:
            told = sweep_board.line(self._objective, self._best)
            with while_seen(self._bar):
                self._bar.set_postfix_str(": ".join(filter(None, (self._part, told))), refresh=False)
                self._bar.update(self.count - self._bar.n)
        elif self._shown and time.monotonic() - self._drawn > _PACE:
            self._draw()

    def slow(self, parameters: dict[str, Any], slow: Slow) -> None:
        """A trial takes far longer than the others: it may never end, and nothing ends it unless that was asked for."""
        told = " ".join(f"{name}={numbers.parameter(value)}" for name, value in parameters.items())
        others = "none has ended yet" if slow.others is None else f"the others about {seconds(slow.others)}"
        most = math.ceil(max(_LEAST, _TIMES * (slow.others or 0.0)))
        self._slow[slow.run_id] = (
            f"The trial {told} has taken {seconds(slow.seconds)} so far, {others}: it may never end. An interrupt "
            f"keeps what is done; the same call with trial_seconds={most} (--trial-seconds {most}) goes on, and ends "
            "such a one."
        )
        self._tell_job()
        if self._bar is not None:
            with while_seen(self._bar):
                self._bar.write(self._slow[slow.run_id], file=sys.stderr)
        elif self._shown:
            self._draw()
        else:
            warn(self._slow[slow.run_id])

    def waits(self) -> None:
        """Another sweep is at the same: until it has ended, and longer than a moment, no trial will end here."""
        told = (
            "Another sweep of this strategy on these rows is under way: this one begins when that has ended, and finds "
            "what it recorded. An interrupt ends the waiting."
        )
        if self._bar is not None:
            with while_seen(self._bar):
                self._bar.write(told, file=sys.stderr)
        elif self._shown:
            self._waiting = told
            self._draw()
        else:
            warn(told)

    def _begin_counting(self) -> None:
        self._first = (time.monotonic(), self.count)
        if self._bar is not None:
            with while_seen(self._bar):
                self._bar.reset(self.total)
            self._bar.initial = self._bar.n = self.count

    def _tell_job(self) -> None:
        """Of a sweep what is coming is known before it begins, of a walk-forward once its data are read."""
        if self._entered and self._coming:
            self._job.tell(self.count, self.total, len(self._slow))

    def _shrink(self) -> None:
        took = seconds(time.monotonic() - self._since)
        failed = f", {self._failed:,} failed" if self._failed else ""
        told = f"{self._title}: {numbers.counted(self.count, 'trial')} took {took}{failed}."
        self._card.update({"text/plain": told, "text/html": f"<div>{escape(told)}</div>"}, raw=True)

    def _draw(self) -> None:
        from IPython.display import HTML, display

        self._drawn = time.monotonic()
        title = f"{self._title}, {self._part}" if self._part else self._title
        notes = [self._coming.estimate.text] if self._coming else []
        if self._first is not None and self._first[1] < self.count < self.total:
            since, before = self._first
            left = (time.monotonic() - since) / (self.count - before) * (self.total - self.count)
            notes.append(f"About {seconds(left)} left.")
        notes += [*self._slow.values(), *filter(None, [self._waiting])]
        card = HTML(sweep_board.html(title, self._objective, self._trials, self.total, notes, count=self.count))
        if self._card is None:
            self._card = display(card, display_id=True)
        else:
            self._card.update(card)


def _in_notebook() -> bool:
    """Whether somebody sees HTML: a kernel runs, and not IPython in a terminal."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and "IPKernelApp" in shell.config
