"""The team's pages: Home, Market, Runs, Schedules. A Panel service that acts with its visitor's own rights."""
