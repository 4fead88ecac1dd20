"""The team's ledger: every run of everybody, appended and never changed."""
