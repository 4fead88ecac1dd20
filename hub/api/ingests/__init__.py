"""What people ask vendors for: one request a person, one fetch for all who ask the same; the worker carries it out."""
