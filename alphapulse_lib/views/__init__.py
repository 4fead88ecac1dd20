"""What a person sees of a record: figures, cards, tearsheets. Pure functions of values; nothing here reads or fetches."""
