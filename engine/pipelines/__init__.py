"""Graph and model together: what the workers run."""
