"""Runs a spec in a process of its own and returns raw results: preflight, data, fills, costs, NautilusTrader.

The only stage, besides `alphapulse_lib.live`, that knows how NautilusTrader works; what is relied on is pinned by
``tests/engine/test_nautilus_behaviour.py``.
"""
