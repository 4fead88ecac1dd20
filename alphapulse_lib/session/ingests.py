"""`ap.ingests`, and how a workspace waits for a vendor's data, which the hub's worker fetches with the one key."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from alphapulse_lib import errors
from alphapulse_lib.errors import AlphaPulseError, HubUnreachable, IngestError, InputError, StoppedWaiting, did_you_mean
from alphapulse_lib.model.ingest import Ingest
from alphapulse_lib.session import hub
from alphapulse_lib.settings import settings

if TYPE_CHECKING:
    import pandas as pd

    from alphapulse_lib.catalog.roots import Roots
    from alphapulse_lib.ingestion.fetch import Wanted
    from alphapulse_lib.ingestion.report import Report

__all__ = [
    "SessionIngest",
    "SessionIngests",
    "asking",
    "bring_up_to_date",
    "fetched",
    "ingests",
    "team",
    "through_the_hub",
    "waited",
    "waited_for",
]

#: Seconds between two looks at a request, at first and after a while.
_LOOK, _LOOK_LONG = 0.3, 2.0
#: Seconds that the hub may be away while somebody waits.
_AWAY = 180.0
_TIME = "datetime64[ns, UTC]"
_COLUMNS = {
    "id": "str",
    "owner": "str",
    "what": "str",
    "state": "str",
    "position": "Int64",
    "shared": "Int64",
    "calls_done": "Int64",
    "calls": "Int64",
    "rows": "Int64",
    "seconds_left": "float64",
    "asked": _TIME,
    "detail": "str",
}


class SessionIngest:
    """One request, as the hub has it whenever it is asked."""

    def __init__(self, value: Ingest) -> None:
        self._known = value

    @property
    def id(self) -> str:
        """The request's id."""
        return self._known.id

    @property
    def value(self) -> Ingest:
        """All that the hub knows of it now: state, place in the line, calls done and left, rows, time left."""
        self._known = hub.client().ingests.get(self.id)
        return self._known

    def wait(self) -> Report:
        """Wait until it is over; the report that `ap.ingest` gives.

        Raises
        ------
        StoppedWaiting
            Interrupted; the hub goes on.
        IngestError, ProviderError, InputError
            It failed, or was cancelled; the words are those of `ap.ingest` outside of a hub.
        """
        return waited(self.value)

    def cancel(self) -> SessionIngest:
        """Wait for it no longer; the fetch goes on for others who asked for the same."""
        self._known = hub.client().ingests.cancel(self.id)
        return self

    def __repr__(self) -> str:
        return f"<Ingest {self.id} {self._known.what} {self._known.state}>"


class SessionIngests:
    """What was asked of vendors through the hub. What `ap.ingests` returns."""

    def __init__(self, owner: str | None = None) -> None:
        self._owner = owner

    def __iter__(self) -> Iterator[SessionIngest]:
        return map(SessionIngest, self.values())

    def __getitem__(self, ingest_id: str) -> SessionIngest:
        """One of them, by its id or the only beginning of it."""
        known = {each.id: each for each in self}
        found = [each for each in known if str(ingest_id) and each.startswith(str(ingest_id))]
        if len(found) != 1:
            several = f"{len(found)} requests begin" if found else "No request's id begins"
            raise InputError(
                f"{several} with {ingest_id!r}.", did_you_mean(str(ingest_id), known, "ap.ingests() lists them.")
            )
        return known[found[0]]

    def values(self, limit: int | None = 200) -> Iterator[Ingest]:
        """What the hub knows of each, the newest first."""
        return hub.client().ingests.list(owner=self._owner, limit=limit)

    def frame(self, limit: int | None = 50) -> pd.DataFrame:
        """One row a request: those under way and waiting in the order of their line, then the newest that are over.

        Returns
        -------
        pandas.DataFrame
            ``id``, ``owner``, ``what``, ``state``, ``position`` (how many come before it), ``shared`` (how many wait
            for the very same), ``calls_done`` of ``calls``, ``rows`` written, ``seconds_left``, ``asked`` (UTC),
            ``detail`` (why it failed).
        """
        import pandas as pd

        found = list(self.values(limit))
        line = [each for each in found if not each.ended]
        line.sort(key=lambda each: (each.position or 0, each.created_at))
        rows = [_row(each) for each in [*line, *(each for each in found if each.ended)]]
        return pd.DataFrame(rows, columns=list(_COLUMNS)).astype(_COLUMNS)

    def __repr__(self) -> str:
        return f"<Ingests of {self._owner or 'the team'}>"


def ingests(owner: str | None = None) -> SessionIngests:
    """What was asked of vendors through the hub: by whom, its place in the line, how far the worker is with it.

    Parameters
    ----------
    owner : str, optional
        Only this person's.

    Returns
    -------
    SessionIngests
        ``.frame()`` is a table; ``ap.ingests()["3f2a"]`` is one of them, with ``.value``, ``.wait()``, ``.cancel()``.

    Raises
    ------
    HubError
        There is no hub here: without one `ap.ingest` asks the vendor itself.

    Examples
    --------
    >>> ap.ingests().frame()  # doctest: +SKIP
    """
    hub.client()
    return SessionIngests(owner)


def through_the_hub() -> bool:
    """Whether this is a hub's workspace: the team's catalog is written by the hub's worker, and no key is here."""
    current = settings()
    return bool(current.api_url and current.personal_catalog)


def team() -> Roots:
    """The team's catalog alone, which is what a vendor's data goes into."""
    from alphapulse_lib.catalog.roots import Roots

    return Roots(settings().catalog_root)


def fetched(provider: str, wanted: Wanted) -> Report:
    """A vendor's data by way of the hub."""
    start, end = (None if each is None else str(each) for each in (wanted.start, wanted.end))
    with asking(f"data of {provider}"):
        made = hub.client().ingests.ask(
            provider,
            wanted.symbols,
            wanted.periods[0],
            start=start or "",
            end=end,
            feed=wanted.feed,
            venue=wanted.venue,
            kind=wanted.kind,
        )
    return waited(made)


def bring_up_to_date(dataset: str) -> Report:
    """A vendor's declared dataset by way of the hub."""
    with asking(f"the dataset {dataset}"):
        made = hub.client().ingests.ask_dataset(dataset)
    return waited(made)


@contextmanager
def asking(what: str) -> Iterator[None]:
    """Whoever is interrupted before the hub has answered does not know whether it took the request."""
    try:
        yield
    except KeyboardInterrupt:
        raise StoppedWaiting(
            f"Interrupted before the hub had answered: it may have taken the request for {what}, or not.",
            "`alphapulse ingest --status`, or ap.ingests(), shows it where it did; to ask again fetches nothing twice.",
        ) from None


def waited(asked: Ingest) -> Report:
    """Wait for a request's end, showing how far it is; its report."""
    return _report(waited_for(asked))


def waited_for(asked: Ingest) -> Ingest:
    """Wait for a request's good end, showing how far it is."""
    try:
        ended = _end_of(asked)
    except KeyboardInterrupt:
        raise StoppedWaiting(
            f"You no longer wait for {asked.what}; the hub goes on with it.",
            f"`alphapulse ingest --status`, or ap.ingests(), shows how far it is; ap.ingests()[{asked.id[:8]!r}] has "
            "wait() and cancel().",
        ) from None
    if ended.error is not None:
        kind = getattr(errors, ended.error.kind, IngestError)
        known = isinstance(kind, type) and issubclass(kind, AlphaPulseError)
        raise (kind if known else IngestError)(ended.error.message, ended.error.hint)
    if ended.state == "cancelled":
        raise IngestError(f"The request for {asked.what} was cancelled.", "What was fetched before that is kept.")
    return ended


def _end_of(asked: Ingest) -> Ingest:
    from tqdm.auto import tqdm

    client, began, answered = hub.client(), time.monotonic(), time.monotonic()
    with tqdm(desc=asked.what, unit="call", leave=False, disable=None, bar_format="{desc} {bar} {postfix}") as bar:
        while not asked.ended:
            bar.total, bar.n = asked.calls or None, asked.calls_done
            bar.set_postfix_str(_how_far(asked))
            time.sleep(_LOOK if time.monotonic() - began < 30 else _LOOK_LONG)
            try:
                asked, answered = client.ingests.get(asked.id), time.monotonic()
            except HubUnreachable:  # it may be started again meanwhile; the request is kept
                if time.monotonic() - answered > _AWAY:
                    raise
    return asked


def _how_far(asked: Ingest) -> str:
    if asked.state == "waiting":
        return f"waiting, {asked.position} before it" if asked.position else "waiting"
    left = "" if asked.seconds_left is None else f", about {asked.seconds_left:,.0f} s left"
    return f"{asked.calls_done:,} of at most {asked.calls:,} calls, {asked.rows:,} rows{left}"


def _report(ended: Ingest) -> Report:
    """The report of the imports that a request became: one a turn, and another after each death of a worker."""
    import pandas as pd

    from alphapulse_lib.ingestion.records import find, report_of
    from alphapulse_lib.ingestion.report import Report

    root = team().writable
    parts = [report_of(root, find(root, each)) for each in ended.imports]
    if len(parts) == 1:
        return parts[0]
    values: dict[str, Any] = {each.name: getattr(parts[-1], each.name) for each in fields(Report)}
    for name in ("written", "unchanged", "restated", "actions"):
        values[name] = sum(getattr(each, name) for each in parts)
    for name in ("instruments", "warnings", "notes"):
        values[name] = tuple(dict.fromkeys(one for each in parts for one in getattr(each, name)))
    values["quarantined"] = pd.concat([each.quarantined for each in parts], ignore_index=True)
    before = ", ".join(each.id for each in parts[:-1])
    values |= {"started": parts[0].started, "notes": (*values["notes"], f"it goes on from {before}")}
    return Report(**values)


def _row(each: Ingest) -> tuple[Any, ...]:
    plain = asdict(each)
    told = [plain[name] for name in ("position", "shared", "calls_done", "calls", "rows", "seconds_left", "created_at")]
    return (each.id, each.owner, each.what, each.state, *told, each.error.message if each.error else "")
