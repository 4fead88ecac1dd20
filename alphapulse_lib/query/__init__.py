"""Point-in-time reads: bars with their adjustments, articles, scores, calendars, and SQL over all of them."""
