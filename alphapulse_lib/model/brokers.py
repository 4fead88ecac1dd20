"""What brokers publish that they charge for US equities: the presets of `Costs`.

Each is the schedule of one day. Regulators change theirs once or twice a year, and brokers follow: look at the source
before trusting a preset for another time, and change what changed, ``Costs.preset(name, sell_percent=...)``.

Looked up in copies of the pages named below, not remembered: Interactive Brokers' commissions, minima, maxima,
clearing and the factors passed through; both brokers' SEC fee and trading activity fee; Alpaca's rates, and that it
rounds a day's sum up to the cent. The SEC's fee has been zero since 14 May 2025 (its release 34-102779 of 8 April
2025): for trades since then ``sell_percent=0.0``. The audit trail's rate moved most: copies of one time or another say
0.000035 (FINRA rule 6897, from September 2024), 0.000046, 0.000053, 0.000072 and, in 2025, 0.0000265 a share.

No copy was found of: the day of Interactive Brokers' 0.000048 for the audit trail, its 0.0030 for taking liquidity (a
comparison of July 2025 says "about"), and the first day of the SEC's 27.80.
"""

from __future__ import annotations

from dataclasses import fields

from alphapulse_lib.model.run import Costs

__all__ = ["ALPACA", "BROKERS", "CURRENCY", "IBKR_PRO_FIXED", "IBKR_PRO_TIERED", "broker_of"]

#: What the amounts of the schedules are in.
CURRENCY = "USD"

#: SEC section 31 and FINRA trading activity fee of a sale, as both brokers passed them on until 13 May 2025, and it is
#: said from 22 May 2024 on: 27.80 of a million, 0.000166 a share, at most 8.30.
_SEC_PERCENT, _TAF, _TAF_MOST = 0.00278, 0.000166, 8.30

#: Interactive Brokers, IBKR Pro, fixed: 0.005 a share, at least 1.00, at most 1 % of the trade's value, which counts
#: even where it is below the minimum; SEC fee and trading activity fee on sales; 0.000048 a share for the consolidated
#: audit trail. Source: interactivebrokers.com/en/pricing/commissions-stocks.php, as published between 22 May 2024 and
#: 13 May 2025.
IBKR_PRO_FIXED = Costs(
    per_share=0.005,
    minimum=1.0,
    maximum_percent=1.0,
    fee_per_share=0.000048,
    sell_percent=_SEC_PERCENT,
    sell_per_share=_TAF,
    sell_maximum=_TAF_MOST,
)

#: Interactive Brokers, IBKR Pro, tiered, up to 300,000 shares a month: 0.0035 a share, at least 0.35, at most 1 % of
#: the trade's value; 0.0030 a share for taking liquidity on Nasdaq or NYSE, 0.0002 for clearing, 0.000048 for the audit
#: trail; 0.0175 and 0.056 per cent of the commission passed through for NYSE and FINRA (a later copy of the page says
#: 0.0563); the fees of sales. Same source and time. Exchanges' rebates for giving liquidity are not counted, and what
#: is traded in a month lowers no tier.
IBKR_PRO_TIERED = Costs(
    per_share=0.0035,
    minimum=0.35,
    maximum_percent=1.0,
    fee_per_share=0.0030 + 0.0002 + 0.000048,
    surcharge_percent=0.0175 + 0.056,
    sell_percent=_SEC_PERCENT,
    sell_per_share=_TAF,
    sell_maximum=_TAF_MOST,
)

#: Alpaca: no commission; SEC fee and trading activity fee on sales, each rounded up to the cent (Alpaca rounds a day's
#: sum, here it is each order's), and 0.000046 a share for the consolidated audit trail. Source:
#: docs.alpaca.markets/docs/regulatory-fees and alpaca.markets/support/regulatory-fees, of the same time.
ALPACA = Costs(
    fee_per_share=0.000046,
    sell_percent=_SEC_PERCENT,
    sell_per_share=_TAF,
    sell_maximum=_TAF_MOST,
    sell_round_up=True,
)

#: By the names that users select them with.
BROKERS = {"ibkr-pro-fixed": IBKR_PRO_FIXED, "ibkr-pro-tiered": IBKR_PRO_TIERED, "alpaca": ALPACA}


def broker_of(costs: Costs) -> str:
    """The preset that costs were made of, whatever was added to it; empty for none.

    Examples
    --------
    >>> broker_of(Costs.preset("alpaca", slippage_bps=2)), broker_of(Costs(percent=0.1))
    ('alpaca', '')
    """
    for name, schedule in BROKERS.items():
        asked = (each.name for each in fields(Costs) if getattr(schedule, each.name) != each.default)
        if all(getattr(costs, each) == getattr(schedule, each) for each in asked):
            return name
    return ""
