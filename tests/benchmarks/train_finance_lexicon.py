"""Fit the finance scorer's weights: ``python -m tests.benchmarks.train_finance_lexicon`` writes its lexicon.

A three-way logistic model, one tone and one calm a term, fitted on four fifths of the labelled headlines. Each tone is
drawn towards a prior instead of towards zero: the phrases below, else the mean of AFINN (financial edition) and VADER.
Names are left out: that a company had a bad year is not a property of its name. No step is random.
"""

from __future__ import annotations

import gzip
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
from scipy import sparse
from scipy.optimize import minimize

from alphapulse_lib.scoring import finance
from alphapulse_lib.scoring.phrases import Vocabulary, key_of
from alphapulse_lib.scoring.tokens import stem, tokenize
from tests.benchmarks import sentiment_data

SAMPLE = sentiment_data.FOLDER.parent / "sample"
TARGET = Path(finance.__file__).with_name("finance_lexicon.tsv")

HEAD = """\
# The finance scorer's weights: term, tone, calm. Written by tests/benchmarks/train_finance_lexicon.py; do not edit.
# Fitted on four fifths of SEntFiN 1.0 and of Twitter Financial News Sentiment (both MIT); priors from
# afinn-165-financialmarketnews (MIT, Ryan O'Day, Titus Wormer) and the VADER lexicon (MIT, C.J. Hutto).
"""

#: What the trade knows and a sample of headlines need not show: prior tone -> phrases.
_KNOWN_TEXT = {
    2.5: """
        beats estimates, beats expectations, tops estimates, tops expectations, raises guidance, raises
        outlook, raises forecast, lifts guidance, boosts guidance, hikes guidance, raised to buy, upgraded
        to buy, better than expected, narrower than expected loss, profitable, record profit, <outlook up>,
        swings to profit, returns to profit, beats forecasts, strong results, exceeds expectations, <burden
        down>
    """,
    2.0: """
        meets expectations, meets estimates, good, upgrade, upgraded, outperform, beats, rally, soars,
        surges, jumps, skyrockets, rockets, wins contract, raises dividend, ups dividend, all time high,
        record high, above estimates, above expectations, +%, 📈, 🚀, 🔺, bullish, buyback, board approves,
        turnaround, raises target, price target raised, target raised, hikes dividend, price target hike,
        multi bagger, stronger than expected, smaller than expected, fda approval, wins approval
    """,
    1.2: """
        rises, gains, climbs, up, higher, advances, profit rises, overweight, accelerates, rebounds,
        recovers, tops, lifts, boosts, expands, improves, strong, robust, solid, outpace, approval,
        approves, above, grow
    """,
    -1.2: """
        falls, drops, declines, slides, down, lower, slips, retreats, loses, profit falls, underweight,
        slows, weak, below, sluggish, fined, fine, loss, losses, net loss, fears, warns, warning,
        disappoints, halts, suspends
    """,
    -2.0: """
        downgrade, downgraded, underperform, misses, plunges, tumbles, slumps, crashes, plummets, sinks,
        tanks, bankruptcy, insolvency, default, defaults, sell off, all time low, below estimates, below
        expectations, -%, 📉, 🔻, bearish, lawsuit, sues, probe, charged with, charges with fraud, recall,
        layoffs, suspends dividend, cuts dividend, dividend cut, lowers target, price target cut, target
        cut, cut to hold, cut to neutral, cut to underperform, weaker than expected, guidance cut, wider
        than expected, lower than expected, delisted, short seller, price target lowered
    """,
    -2.5: """
        fraud, overvalued, unprofitable, misses estimates, misses expectations, cut to sell, cuts guidance,
        lowers guidance, slashes guidance, withdraws guidance, cuts outlook, lowers outlook, cuts forecast,
        profit warning, warns on profit, worse than expected, files for bankruptcy, <outlook down>, chapter
        11, swings to loss, slips into loss, misses forecasts, weak results, going concern, accounting
        fraud, <burden up>
    """,
}
KNOWN = {" ".join(phrase.split()): tone for tone, phrases in _KNOWN_TEXT.items() for phrase in phrases.split(",")}

#: Words that carry no tone of their own: grammar, time and counting.
_PLAIN_TEXT = """
    a about after again ago all also am an and annual any are as at be been by can could day did do does during
    each every expected fifth first five for four fourth from full fy had half has have he her here his hour how
    i if in into is it its latest may me might minute month monday tuesday wednesday thursday friday saturday
    sunday january february march april june july august september october november december more most my
    neither never next no nor not now of on one or other our out q1 quarter quarterly s second share shares she
    should since six so some stock stocks such t ten than that the their them then there these they third this
    those three to today tomorrow two us was we week were what when where which who why will with without would
    year yesterday you your # net pm et ist company firm inc ltd corp co
"""
PLAIN = frozenset(stem(word) for word in _PLAIN_TEXT.split())
_KNOWN_KEYS = frozenset(key_of(phrase) for phrase in KNOWN)

#: Stems that stand for numbers and percentages.
_SYMBOLS = frozenset({"#", "%", "+%", "-%"})

PRIOR_SCALE = 0.12
PRIOR_CALM = -0.6
PENALTY_KNOWN = 12.0
#: Taken from the calm of a text without terms: most of the tweets are neutral, headlines elsewhere are less often.
CALM_SHIFT = 0.3
PENALTY_WORD = 1.0
PENALTY_PHRASE = 2.0
LEAST_WORD, LEAST_PHRASE = 4, 4
NAME_SHARE = 0.75


def main() -> int:
    """Fit, prune, write."""
    texts, labels = [], []
    for each in sentiment_data.read():
        texts += each.fitted().texts
        labels += each.fitted().labels
    lexicon = fit(texts, labels)
    TARGET.write_text(written(lexicon), encoding="utf-8")
    sys.stdout.write(f"{len(lexicon.terms):,} terms, {TARGET.stat().st_size:,} bytes\n")
    return 0


def fit(texts: list[str], labels: list[str]) -> finance.Lexicon:
    """The lexicon of labelled texts."""
    prior = priors()
    terms = candidates(texts, prior)
    keys = [key_of(term) for term in terms]
    tokens = tokenize(texts)
    matches = Vocabulary(keys).match(tokens)
    weight = np.minimum(1.0, finance.LONG / np.maximum(np.bincount(tokens.text, minlength=len(texts)), 1))
    shape = (len(texts), len(terms))
    plain = np.array([PLAIN.issuperset(key) for key in keys])
    signs = np.where(plain[matches.term], 0.0, np.where(matches.turned, finance.TURN, 1.0)) * weight[matches.text]
    tones = sparse.csr_matrix((signs, (matches.text, matches.term)), shape)
    calms = sparse.csr_matrix((weight[matches.text], (matches.text, matches.term)), shape)
    start = np.where(plain, 0.0, [prior.get(key, 0.0) for key in keys])
    penalty = np.array([_penalty(key) for key in keys])
    target = np.array([{"negative": -1, "neutral": 0, "positive": 1}[label] for label in labels])
    tone, calm, calm_start = _solved(tones, calms, target, start, penalty)
    return _pruned(terms, tone, calm, calm_start)


def priors() -> dict[tuple[str, ...], float]:
    """Term -> tone before any headline was seen."""
    found: dict[tuple[str, ...], list[float]] = defaultdict(list)
    afinn = gzip.decompress((SAMPLE / "afinn165_fin.js.gz").read_bytes()).decode("utf-8")
    vader = gzip.decompress((SAMPLE / "vader_lexicon.txt.gz").read_bytes()).decode("utf-8")
    for word, valence in re.findall(r"^  '?([a-z]+)'?: (-?\d+)", afinn, re.MULTILINE):
        found[stem(word),].append(float(valence))
    for word, valence in re.findall(r"^([a-z]{3,})\t(-?[\d.]+)\t", vader, re.MULTILINE):
        found[stem(word),].append(float(valence))
    known = {term: PRIOR_SCALE * float(np.mean(values)) for term, values in found.items()}
    return known | {key_of(phrase): tone * 0.6 for phrase, tone in KNOWN.items()}


def candidates(texts: list[str], prior: dict[tuple[str, ...], float]) -> list[str]:
    """The terms worth a weight, each in its most frequent form."""
    names = _names(texts) - {key[0] for key in prior if len(key) == 1}
    forms: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    seen: Counter[tuple[str, ...]] = Counter()
    tokens = tokenize(texts)
    written = [word for text in texts for word in finance.words_of(text)]
    words = [one if one in _SYMBOLS else word for one, word in zip(tokens.stems, written, strict=True)]
    for at in range(len(words)):
        for length in (1, 2):
            last = at + length - 1
            if last < len(words) and tokens.clause[at] == tokens.clause[last]:
                key = tuple(tokens.stems[at : last + 1])
                if not names.intersection(key):
                    seen[key] += 1
                    forms[key][" ".join(words[at : last + 1])] += 1
    least = {1: LEAST_WORD, 2: LEAST_PHRASE}
    terms = {key: _readable(key, forms[key]) for key, count in seen.items() if count >= least[len(key)]}
    for phrase in KNOWN:
        terms.setdefault(key_of(phrase), phrase)
    for key in prior:
        terms.setdefault(key, " ".join(key))
    return [terms[key] for key in sorted(terms) if key_of(terms[key]) == key]


def _penalty(key: tuple[str, ...]) -> float:
    if key in _KNOWN_KEYS:
        return PENALTY_KNOWN
    return PENALTY_WORD if len(key) == 1 else PENALTY_PHRASE


def _readable(key: tuple[str, ...], forms: Counter[str]) -> str:
    for form, _ in forms.most_common():
        if key_of(form) == key:
            return form
    return " ".join(key)


def _names(texts: list[str]) -> set[str]:
    """Stems that stand capitalised inside sentences: names."""
    capital: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for text in texts:
        words = re.findall(r"[A-Za-z][A-Za-z']+", re.sub(r"https?://\S+|\$\w+", "", text))[1:]
        if sum(word[0].isupper() for word in words) > len(words) / 2:
            continue
        for word in words:
            total[stem(word.lower())] += 1
            capital[stem(word.lower())] += word[0].isupper()
    return {word for word, count in total.items() if capital[word] / count > NAME_SHARE}


def _solved(tones, calms, target, start, penalty):
    size = len(start)

    def loss(point):
        tone, calm, calm_start = point[:size], point[size:-1], point[-1]
        a, b = tones @ tone, calms @ calm + calm_start
        logits = np.stack([-a, b, a])
        logits -= logits.max(axis=0)
        odds = np.exp(logits)
        odds /= odds.sum(axis=0)
        chosen = odds[target + 1, np.arange(len(target))]
        away = tone - start
        value = -np.log(chosen).sum() + 0.5 * (penalty * (away**2 + (calm - calm_prior) ** 2)).sum()
        slope_a = -(target - (odds[2] - odds[0]))
        slope_b = -((target == 0) - odds[1])
        return value, np.concatenate(
            [tones.T @ slope_a + penalty * away, calms.T @ slope_b + penalty * (calm - calm_prior), [slope_b.sum()]]
        )

    calm_prior = PRIOR_CALM * np.abs(start)
    first = np.concatenate([start, calm_prior, [0.0]])
    best = minimize(loss, first, jac=True, method="L-BFGS-B", options={"maxiter": 400}).x
    return best[:size], best[size:-1], best[-1]


def _pruned(terms, tone, calm, calm_start) -> finance.Lexicon:
    tone, calm = tone.round(2) + 0.0, calm.round(2) + 0.0
    kept = np.flatnonzero((np.abs(tone) >= 0.18) | (np.abs(calm) >= 0.3))
    start = round(float(calm_start) - CALM_SHIFT, 2)
    return finance.Lexicon(tuple(terms[at] for at in kept), tone[kept], calm[kept], start)


def written(lexicon: finance.Lexicon) -> str:
    """The lexicon's file."""
    rows = [
        f"{term}\t{tone:g}\t{calm:g}\n"
        for term, tone, calm in zip(lexicon.terms, lexicon.tone, lexicon.calm, strict=True)
    ]
    return f"{HEAD}<start>\t0\t{lexicon.calm_start:g}\n" + "".join(rows)


if __name__ == "__main__":
    raise SystemExit(main())
