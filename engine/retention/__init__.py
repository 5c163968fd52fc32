"""How long raw events and faded relationships are kept."""
