"""What to recommend, and why: the serving state of one process and the score over it."""
