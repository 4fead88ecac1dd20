"""`ap.runs` and `ap.run`: the ledger, and one run of it with all that can be seen of it."""

from __future__ import annotations

from functools import cached_property
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from alphapulse_lib.errors import InputError, LedgerError
from alphapulse_lib.model.family import Family, key_of
from alphapulse_lib.model.run import Purpose, Status
from alphapulse_lib.results.artefacts import replace_text
from alphapulse_lib.results.ledger import Ledger
from alphapulse_lib.results.run import Run
from alphapulse_lib.session.choices import one_of
from alphapulse_lib.session.hub import client_if_any
from alphapulse_lib.session.symbols import check_text
from alphapulse_lib.session.user import user
from alphapulse_lib.settings import settings
from alphapulse_lib.views import cards, numbers
from alphapulse_lib.views.page import Page

if TYPE_CHECKING:
    import pandas as pd
    from plotly.graph_objects import Figure

    from alphapulse_lib.results.changed_data import Change
    from alphapulse_lib.session.comments import SessionComments

__all__ = ["SessionRun", "open_ledger", "run", "runs"]

#: The columns of `runs`, with their types.
_COLUMNS = {
    "id": "str",
    "strategy": "str",
    "family": "str",
    "symbols": "str",
    "period": "str",
    "window": "str",
    "sharpe": "float64",
    "deflated": "float64",
    "trials": "Int64",
    "drawdown": "float64",
    "end_equity": "float64",
    "currency": "str",
    "trades": "Int64",
    "similar_to": "str",
    "similarity": "float64",
    "status": "str",
    "purpose": "str",
    "user": "str",
    "started": "datetime64[ns, UTC]",
}


class SessionRun(Run):
    """A run with its views. What `ap.backtest` and `ap.run` return."""

    def tearsheet(self, path: str | Path | None = None) -> Page:
        """The run's tearsheet: one HTML file that needs no network and prints on A4.

        Parameters
        ----------
        path : str or Path, optional
            Where to write it: a file, or a folder that exists. Default: the run's own folder in the ledger.

        Returns
        -------
        Page
            Shows itself in a notebook; stands for its path wherever a path is taken (``open``, ``Path``).

        Raises
        ------
        LedgerError
            It cannot be written there, or a file of the run is gone.

        Examples
        --------
        >>> run.tearsheet("goog.html")  # doctest: +SKIP
        """
        from alphapulse_lib.results.known_news import known_news
        from alphapulse_lib.views import changed, tearsheet

        target = Path(path).expanduser() if path is not None else self._ledger.folder(self.id) / "tearsheet.html"
        try:
            target = target / f"tearsheet-{self.id}.html" if target.is_dir() else target
        except OSError as refused:  # a name that is too long, or a loop of links
            raise LedgerError(f"{target} cannot be written: {refused}.", "Name another path.") from None
        text = tearsheet.html(self, known_news(self), changed.told(self.record, self.changes))
        replace_text(target, text)
        return Page(target.absolute(), text)

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """What of the data that it read is another by now: ``name``, ``rows``, ``first``. Appended rows are none."""
        from alphapulse_lib.results.changed_data import changed_data

        return changed_data(self.record, own=self.record.user == user())

    def figure(self, kind: Literal["equity", "price", "monthly"] = "equity", *, dark: bool = False) -> Figure:
        """A plotly figure of the run.

        Parameters
        ----------
        kind : {"equity", "price", "monthly"}
            Equity and drawdown against buy and hold; the trades on the price; the returns month by month.
        dark : bool
            For a dark background.
        """
        from alphapulse_lib.views import figures

        kinds = {"equity": figures.equity, "price": figures.trades_on_price, "monthly": figures.monthly}
        one_of("kind", kind, kinds)
        return kinds[kind](self, dark=dark)

    def comments(self) -> SessionComments:
        """What the team says about the run; see `ap.comments`.

        Raises
        ------
        HubError
            There is no hub here, or it has not got the run yet.
        """
        from alphapulse_lib.session.comments import SessionComments
        from alphapulse_lib.session.team import team_ledger

        team_ledger().hand_over(self.id)
        return SessionComments(f"run:{self.id}")

    def _repr_html_(self) -> str:
        return cards.html(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self) if cycle else cards.text(self))


def runs(
    limit: int | None = 100,
    *,
    status: str | None = None,
    strategy: str | None = None,
    symbol: str | None = None,
    user: str | None = None,
    purpose: str | None = None,
    family: str | None = None,
) -> pd.DataFrame:
    """The runs in the ledger, the newest first; inside a hub one's teams', and those shared with one, too.

    Parameters
    ----------
    limit : int, optional
        At most so many; ``None``: all.
    status : {"finished", "failed", "interrupted"}, optional
        Only these.
    strategy, symbol, user : str, optional
        Only those of this class, on this instrument, by this person. Each ticker that an instrument ever had finds it.
    purpose : {"trial", "rerun", "probe"}, optional
        Only these.
    family : str, optional
        Only runs of this idea, by the name in that column.

    Returns
    -------
    pandas.DataFrame
        ``id``, ``strategy``, ``family`` (the idea that it was a trial of), ``symbols``, ``period``, ``window``,
        ``sharpe`` (a year), ``deflated`` (the probability that the Sharpe ratio is no luck, with all trials of the
        family until now), ``trials`` (how many those are), ``drawdown``, ``end_equity`` in ``currency``, ``trades``,
        ``similar_to`` (the earlier run whose source is like this one's, where that is why it is of the family),
        ``similarity`` (how much, up to 1), ``status``, ``purpose`` (a probe for look-ahead was shown a future that
        never was), ``user``, ``started`` (UTC). No rows where nothing was run yet.

    Raises
    ------
    InputError
        A limit below one, or an unknown status or purpose.

    Examples
    --------
    >>> ap.runs(strategy="SmaCross", limit=5)  # doctest: +SKIP
    """
    import pandas as pd

    if limit is not None and (not isinstance(limit, Integral) or isinstance(limit, bool) or limit < 1):
        raise InputError(f"limit={limit!r} is not a count of one or more.", "limit=None lists all.")
    for argument, value, choices in (("status", status, Status), ("purpose", purpose, Purpose)):
        if value is not None:
            one_of(argument, value, get_args(choices.__value__))
    for argument, value in (("strategy", strategy), ("symbol", symbol), ("user", user), ("family", family)):
        if value is not None:
            check_text(value, f"The {argument} asked for", "ap.runs(strategy='SmaCross', symbol='AAPL')")
    ledger = open_ledger()
    found = ledger.runs(
        None if limit is None else int(limit),  # of NumPy's, SQLite makes bytes
        status=status,
        strategy=strategy,
        symbol=None if symbol is None else _meant_by(symbol),
        user=user,
        purpose=purpose,
        family=family,
    )
    counted = ledger.families(record.spec for record in found)
    rows = [_row(SessionRun(record, ledger), counted[key_of(record.spec.strategy)]) for record in found]
    frame = pd.DataFrame(rows, columns=list(_COLUMNS))
    return frame.astype(_COLUMNS)


def run(id: str) -> SessionRun:  # noqa: A002  the word people use for it
    """One run, by its id or the beginning of it; inside a hub of any that one may see, as `runs` lists them.

    Parameters
    ----------
    id : str
        As much of it as no other run's id begins with; `ap.runs` lists them.

    Returns
    -------
    SessionRun
        Finished, failed or interrupted; its files are read when they are asked for.

    Raises
    ------
    UnknownRun
        None begins so, or several do.

    Examples
    --------
    >>> ap.run("3f2a").stats["sharpe"]  # doctest: +SKIP
    """
    ledger = open_ledger()
    return SessionRun(ledger.get(id), ledger)


def open_ledger() -> Ledger:
    """The ledger that the settings name; inside a hub with the team's laid over it."""
    own, found = settings().ledger_root, client_if_any()
    if found is None:
        return Ledger(own)
    from alphapulse_lib.session.team import TeamLedger

    return TeamLedger(own, found)


def _meant_by(symbol: str) -> tuple[str, ...]:
    """A symbol, and the ids of the instruments that ever had it: runs are kept under those."""
    from alphapulse_lib.catalog.index import Index
    from alphapulse_lib.catalog.roots import Roots

    return (symbol, *Index.shared(Roots.of_settings()).ever_called(symbol))


def _row(each: SessionRun, family: Family) -> dict[str, Any]:
    record, stats = each.record, each.record.statistics
    luck = family.including(record).deflate(stats, record.spec) if stats else {}
    return {
        "id": record.id,
        "strategy": each.strategy,
        "family": family.name,
        "symbols": ", ".join(each.symbols),
        "period": record.spec.period,
        "window": numbers.window(record),
        "sharpe": stats.get("sharpe"),
        "deflated": luck.get("deflated_sharpe"),
        "trials": luck.get("trials"),
        "drawdown": stats.get("max_drawdown"),
        "end_equity": stats.get("end_equity"),
        "currency": numbers.currency(record),
        "trades": stats.get("trades"),
        "similar_to": family.similar_to[:8],
        "similarity": family.similarity,
        "status": record.status,
        "purpose": record.purpose,
        "user": record.user,
        "started": record.started_at,
    }
