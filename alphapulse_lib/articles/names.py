"""What headlines call a company: its name without the legal rest, its first word where that is its alone, its initials.

Names are told apart from ordinary words by how they are written: ``Apple`` is the company, ``apple`` is not. Companies
named by a word that begins many a headline (Target, Gap) are found only where a sentence would not capitalise it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache

from alphapulse_lib.model.instrument import Instrument

__all__ = ["Names", "initials", "short_names"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LEGAL = _words(
    """
    ab ag adr asa bv class co common company companies corp corporation group holding holdings inc incorporated kgaa
    limited llc lp ltd nv ord ordinary plc sa se share shares spa stock the trust
    """
)
#: What a company does, which headlines leave out.
_TRADE = _words(
    """
    airlines bancorp brands chemical chase communications energy financial industries international laboratories
    machines mining mobil motor motors petroleum pharmaceuticals platforms products sciences stores systems
    technologies technology wholesale com
    """
)
#: First words that many names share, or that are a name of something else: never a company alone.
_GENERIC = _words(
    """
    advanced air allied american applied associated atlantic australia bank best black blue british canadian capital
    central charles china citizens city coca consolidated continental credit deutsche digital dollar dow duke eastern
    eli emerging energy equity europe european federal fidelity first general genuine global gold golden green
    health henry home hong independence india industrial interactive international invesco ishares japan john johnson
    international key las liberty london marathon martin mid modern morgan motor mutual national new news norfolk north
    northern old pacific paramount philip pioneer power procter progress public quest real red regional republic royal
    scientific silver simon south southern spdr standard state sun super texas thermo time tokyo toronto total trade
    union united universal urban us u.s usa valley vanguard virgin wal walt waste wells west western world york
    """
)
#: Companies whose whole name is a word of the trade or of every day; capitals at a headline's start prove nothing.
_ORDINARY = _words(
    """
    all best block chase citizens coach crown discover dollar dominion gap key loews match
    medallion news nucor progress public realty shell signet snap southern square sprint sunrise target
    total travelers ups visa williams
    """
)
#: What headlines call companies whose names do not say it: whole name -> another.
_ALSO = {
    ("alphabet",): ("google",),
    ("cocacola",): ("coca", "cola"),
    ("eli", "lilly"): ("lilly",),
    ("jpmorgan", "chase"): ("jp", "morgan"),
    ("meta", "platforms"): ("facebook",),
    ("walt", "disney"): ("disney",),
}
#: Beside these a name means something else: before it, and after it.
_NOT_AFTER = {
    "ford": {"harrison", "betty", "gerald", "tom", "rob", "doug", "glenn", "president"},
}
_NOT_BEFORE = {
    "apple": {"cider", "crop", "farmers", "growers", "harvest", "juice", "orchard", "orchards", "pie", "pies", "sauce"},
    "amazon": {"basin", "deforestation", "fires", "forest", "jungle", "rainforest", "river", "tribe"},
    "ford": {"foundation"},
    "intel": {"agencies", "agency", "briefing", "officials", "report"},
    "visa": {"application", "ban", "bans", "holders", "lottery", "rules", "waiver"},
}

_WORD = re.compile(r"(?:[A-Za-z]\.){2,}|[A-Za-z0-9][\w.'\u2019-]*")
_SHARE_CLASS = re.compile(r"[,(]?\s*\bclass [a-d]\b.*", re.IGNORECASE)
_POSSESSIVE = re.compile(r"['\u2019]s?$")

type Words = tuple[str, ...]


def short_names(instrument: Instrument) -> list[Words]:
    """What headlines may call it, as words folded to lower case; its whole name first. Empty without a name.

    Examples
    --------
    >>> short_names(Instrument("F.XNYS", "Ford Motor Company"))
    [('ford', 'motor'), ('ford',)]
    """
    words = [_folded(word) for word in _written(_SHARE_CLASS.sub("", instrument.name))]
    if words and words[0] == "the":
        words = words[1:]
    core = _without_end(words, _LEGAL)
    if not core or core[0] in _LEGAL:
        return []
    also = [_ALSO[core]] if core in _ALSO else []
    if core[0] in _GENERIC:
        whole = core if len(core) > 1 else tuple(words)
        return [whole, *also] if len(whole) > 1 else also
    found = [core]
    while len(found[-1]) > 1 and found[-1][-1] in _TRADE:
        found.append(found[-1][:-1])
    return found + also


def initials(instrument: Instrument) -> str:
    """Its ticker, where that is what its name's words begin with (IBM, UPS): then it is also a name; else empty."""
    letters = "".join(word[0] for word in _written(instrument.name) if _folded(word) not in _LEGAL)
    return instrument.symbol if len(letters) > 1 and letters == instrument.symbol else ""


class Names:
    """Finds companies by their names in texts.

    Parameters
    ----------
    instruments : iterable of Instrument
        With names; those without one are never found.
    """

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        cores: dict[Words, set[Words]] = defaultdict(set)
        owners: dict[Words, set[str]] = defaultdict(set)
        self._initials: dict[str, set[str]] = defaultdict(set)
        for instrument in instruments:
            names = short_names(instrument)
            for name in names:
                cores[name].add(names[0])
                owners[name].add(instrument.id)
            if letters := initials(instrument):
                self._initials[letters].add(instrument.id)
        self._by_first: dict[str, list[tuple[Words, set[str]]]] = defaultdict(list)
        for name in sorted(owners, key=len, reverse=True):
            if len(cores[name]) == 1 or name in cores[name]:
                self._by_first[name[0]].append((name, owners[name]))

    def find(self, text: str) -> set[str]:
        """The ids of the instruments whose names stand in a text."""
        written = _written(text)
        folded = [_folded(word) for word in written]
        sure = not _is_titled(written)
        found: set[str] = set()
        free_from = 0
        for at, word in enumerate(written):
            if at < free_from:
                continue
            name, ids = self._longest(folded, at) if _is_capital(word) else ((), set())
            if name and (len(name) > 1 or _is_meant(folded, at, sure=sure and at > 0)):
                found |= ids
                free_from = at + len(name)
            elif word in self._initials:
                found |= self._initials[word]
        return found

    def _longest(self, folded: Sequence[str], at: int) -> tuple[Words, set[str]]:
        for name, ids in self._by_first.get(folded[at], ()):
            if tuple(folded[at : at + len(name)]) == name:
                return name, ids
        return (), set()


def _written(text: str) -> list[str]:
    return _WORD.findall(text.replace("&", " ").replace(".com", ""))


@lru_cache(maxsize=100_000)
def _folded(word: str) -> str:
    return _POSSESSIVE.sub("", word.rstrip(".-")).replace("-", "").casefold()


def _without_end(words: Sequence[str], endings: frozenset[str]) -> Words:
    end = len(words)
    while end > 1 and words[end - 1] in endings | {"and"}:
        end -= 1
    return tuple(words[:end])


def _is_capital(word: str) -> bool:
    return word[0].isdigit() or any(letter.isupper() for letter in word)


def _is_titled(words: Sequence[str]) -> bool:
    """Whether the headline capitalises its words anyway."""
    letters = [word for word in words if word[0].isalpha()]
    return len(letters) > 2 and sum(word[0].isupper() for word in letters) > len(letters) * 0.7


def _is_meant(folded: Sequence[str], at: int, *, sure: bool) -> bool:
    word = folded[at]
    before = folded[at - 1] if at else ""
    after = folded[at + 1] if at + 1 < len(folded) else ""
    if before in _NOT_AFTER.get(word, ()) or after in _NOT_BEFORE.get(word, ()):
        return False
    return sure or word not in _ORDINARY or after in _LEGAL
