"""The catalog for clients without Python: instruments, bars, news and coverage, in JSON and in Arrow."""
