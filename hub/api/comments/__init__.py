"""Comments on runs, notebooks, instruments and articles."""
