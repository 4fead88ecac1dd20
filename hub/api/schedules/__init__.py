"""Notebooks that run at set times, or now, in their owner's workspace: what is asked; the worker carries it out."""
