"""Behaviour: from raw input to the graph, exactly once."""
