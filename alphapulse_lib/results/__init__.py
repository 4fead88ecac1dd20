"""What is kept of a run and how it is measured: record, ledger, equity, trades, statistics, over-fitting."""
