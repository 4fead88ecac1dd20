"""What a person sees of a record: figures, cards, tearsheets. Functions of values alone."""
