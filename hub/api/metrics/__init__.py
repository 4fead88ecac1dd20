"""What Prometheus reads: how long the API takes, and how the services behind it are.

What several workers do is told by the database that they share, read at each scrape: no worker needs a door, and what
one has counted outlives it.
"""
