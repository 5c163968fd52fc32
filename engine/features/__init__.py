"""Features of items: texts as vectors."""
