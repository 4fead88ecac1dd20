"""Which column holds what: guessed from its name, or named by ``columns=``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from alphapulse_lib.errors import InputError, MissingColumn, did_you_mean

__all__ = ["assign"]

_MOMENT = ("datetime", "timestamp", "ts", "date", "time", "day", "tradedate", "session", "opentime", "closetime",
           "windowstart", "begins", "t", "dt", "unix", "", "unnamed0", "indexlevel0", "index")  # fmt: skip
_AVAILABLE = ("availableat", "available", "knownat", "crawl", "crawldate", "crawledat")
_SYMBOL = ("symbol", "ticker", "sym", "instrument", "code")
_FIRST = ("from", "start", "startdate", "added", "since")
_LAST = ("to", "end", "enddate", "removed", "until")
_VENUE = ("venue", "mic", "exchange")

#: By kind: canonical name -> the names it goes by, best first; letters and digits alone, in lower case.
_NAMES: dict[str, dict[str, tuple[str, ...]]] = {
    "bars": {
        "ts": _MOMENT,
        "open": ("open", "o", "openprice"),
        "high": ("high", "h", "highprice"),
        "low": ("low", "l", "lowprice"),
        "close": ("close", "c", "closeprice", "last", "closelast", "price"),
        "volume": ("volume", "v", "vol", "volumetraded"),
        "adj_close": ("adjclose", "adjustedclose", "closeadj", "adjcloseprice"),
        "symbol": _SYMBOL,
        "venue": _VENUE,
        "name": ("name", "company", "companyname"),
        "available_at": _AVAILABLE,
    },
    "trades": {
        "ts": _MOMENT,
        "price": ("price", "p", "last", "tradeprice", "lastprice"),
        "size": ("size", "s", "qty", "quantity", "volume", "v", "vol", "amount", "lastsize"),
        "trade_id": ("tradeid", "id", "i", "aggtradeid"),
        "side": ("side", "aggressorside", "aggressor", "takerside"),
        "conditions": ("conditions", "condition", "cond", "c"),
        "exchange": ("exchange", "x", "ex"),
        "symbol": _SYMBOL,
        "venue": ("venue", "mic"),
        "available_at": _AVAILABLE,
    },
    "quotes": {
        "ts": _MOMENT,
        "bid": ("bid", "bidprice", "bp", "bestbid", "bidpx"),
        "ask": ("ask", "askprice", "ap", "bestask", "askpx", "offer"),
        "bid_size": ("bidsize", "bs", "bidqty", "bidquantity", "bidvolume"),
        "ask_size": ("asksize", "as", "askqty", "askquantity", "askvolume"),
        "symbol": _SYMBOL,
        "venue": _VENUE,
        "available_at": _AVAILABLE,
    },
    "actions": {
        "ex_date": ("exdate", "ex", "exdividenddate", "date", "effectivedate"),
        "kind": ("kind", "type", "action", "event"),
        "ratio": ("ratio", "splitratio", "split", "stocksplits", "splitcoefficient", "factor"),
        "amount": ("amount", "dividend", "dividends", "dividendamount", "cash", "value"),
        "new_symbol": ("newsymbol", "newticker", "child", "childsymbol"),
        "part": ("part",),
        "symbol": _SYMBOL,
        "venue": _VENUE,
        "available_at": (*_AVAILABLE, "announced", "announcedat", "declarationdate"),
    },
    "articles": {
        "published_at": (
            "publishedat",
            "published",
            "datetime",
            "createdat",
            "accepted",
            "timestamp",
            "time",
            "date",
            "ts",
            "publisheddate",
            "pubdate",
        ),
        "headline": ("headline", "headlines", "title", "subject"),
        "id": ("id", "articleid", "guid", "accession"),
        "available_at": _AVAILABLE,
        "body": ("body", "text", "description", "summary", "content", "snippet"),
        "url": ("url", "link", "href"),
        "symbols": ("symbols", "tickers", "symbol", "ticker", "related"),
        "source": ("source", "publisher", "provider"),
    },
    "instruments": {
        "ticker": ("ticker", "symbol", "sym"),
        "id": ("id", "instrumentid", "instrument"),
        "venue": _VENUE,
        "name": ("name", "company", "companyname"),
        "start": _FIRST,
        "end": _LAST,
    },
    "universe": {
        "ticker": ("ticker", "symbol", "sym", "id", "instrument"),
        "universe": ("universe", "index", "indexname"),
        "start": _FIRST,
        "end": _LAST,
    },
}
_NEEDED = {
    "bars": ("ts", "open", "high", "low", "close"),
    "trades": ("ts", "price", "size"),
    "quotes": ("ts", "bid", "ask"),
    "actions": ("ex_date",),
    "articles": ("published_at", "headline"),
    "instruments": ("ticker",),
    "universe": ("ticker", "start"),
}


def assign(names: Sequence[str], kind: str, given: Mapping[str, str], where: str) -> dict[str, str]:
    """Canonical name to the file's name, for those that are there.

    Bars and ticks whose date and time of day stand in two columns have ``ts`` and ``clock``.

    Parameters
    ----------
    names : sequence of str
        The file's column names; ``""`` for a nameless one.
    kind : {"bars", "trades", "quotes", "actions", "articles", "instruments", "universe"}
        What the rows are.
    given : mapping of str to str
        What the caller says; it comes before any guess.
    where : str
        The file's name, for messages.

    Raises
    ------
    InputError
        ``given`` names something that rows of this kind do not have.
    MissingColumn
        A needed column was not found, or one that is given is not there.

    Examples
    --------
    >>> assign(["Date", "O", "H", "L", "C"], "bars", {}, "prices.csv")["close"]
    'C'
    """
    known = _NAMES[kind]
    found = _given(names, known, given, where)
    folded: dict[str, str] = {}
    for name in names:
        folded.setdefault(_folded(name), name)
    taken = set(found.values())
    for canonical, aliases in known.items():
        if canonical not in found:
            near = next((folded[each] for each in aliases if each in folded and folded[each] not in taken), None)
            if near is not None:
                _require_one(canonical, near, names, where)
                found[canonical] = near
                taken.add(near)
    stamp = _NEEDED[kind][0]
    if kind != "actions" and _folded(found.get(stamp, "")) == "date" and stamp not in given and "time" in folded:
        found["clock"] = folded["time"]
    missing = [each for each in _NEEDED[kind] if each not in found]
    if missing:
        raise _missing(missing, names, kind, where)
    if kind == "actions" and not {"ratio", "amount", "new_symbol"} & found.keys():
        raise _missing(["ratio or amount"], names, kind, where)
    return found


def _given(
    names: Sequence[str], known: Mapping[str, tuple[str, ...]], given: Mapping[str, str], where: str
) -> dict[str, str]:
    found = {}
    for asked, column in given.items():
        canonical = asked if asked in known else next((each for each in known if _folded(asked) in known[each]), None)
        if canonical is None:
            raise InputError(
                f"columns: there is no {asked!r} to be named.",
                did_you_mean(asked, known) or f"It can name {', '.join(known)}.",
            )
        if column not in names:
            raise MissingColumn(
                f"{where} has no column {column!r}: it has {_listed(names)}.", did_you_mean(column, names)
            )
        found[canonical] = column
    return found


def _require_one(canonical: str, near: str, names: Sequence[str], where: str) -> None:
    """Refuse to choose between columns of the same name; the second of two ``Close`` was made ``Close.1``."""
    alike = [name for name in names if _uncounted(name) == _folded(near)]
    if len(alike) > 1:
        raise InputError(
            f"{where} has {len(alike)} columns that may be {canonical}: {', '.join(alike)}.",
            f"Say which: columns={{{canonical!r}: {alike[-1]!r}}}.",
        )


def _missing(missing: Sequence[str], names: Sequence[str], kind: str, where: str) -> MissingColumn:
    if names and all(re.fullmatch(r"[\d\s.,:/+TZ-]+", name) for name in names if name):
        hint = "Its first line looks like data: put a line with the columns' names above it."
    else:
        first = missing[0].split(" or ")[0]
        hint = f"Name it: columns={{{first!r}: 'its name'}}. Needed are {', '.join(_NEEDED[kind])}."
    return MissingColumn(f"{where} has no column for {', '.join(missing)}: it has {_listed(names)}.", hint)


def _listed(names: Sequence[str]) -> str:
    shown = [name or "(nameless)" for name in names[:20]]
    return ", ".join(shown) + (f" and {len(names) - 20} more" if len(names) > 20 else "")


@lru_cache(maxsize=1024)  # the files of a folder are mostly headed alike
def _uncounted(name: str) -> str:
    """A name without the count that `distinct` gave it, folded."""
    return _folded(re.sub(r"\.\d+$", "", name))


@lru_cache(maxsize=1024)
def _folded(name: str) -> str:
    """Letters and digits alone, in lower case; a count in front (``1. open``) is no part of the name."""
    bare = re.sub(r"[^a-z0-9]", "", name.lower())
    return re.sub(r"^\d+(?=[a-z])", "", bare)
