"""What articles are about (`mentions`), and which of them tell one story (`duplicates`)."""
