"""What a person is told: mentions, answers, finished and failed firings."""
