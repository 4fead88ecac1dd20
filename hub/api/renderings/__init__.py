"""Executed notebooks as pages: made by their owner, kept here while they are shared, and never run here."""
