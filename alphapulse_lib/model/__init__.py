"""The values that pass between the stages: frozen, and made of the standard library alone."""
