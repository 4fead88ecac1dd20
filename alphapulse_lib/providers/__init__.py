"""Where data comes from: one contract, a registry, one provider a file."""
