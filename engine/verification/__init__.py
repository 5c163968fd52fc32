"""Counting everything again from the events, and saying what the graph has otherwise."""
