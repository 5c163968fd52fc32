"""The recommender: sequence Transformer, graph attention, co-occurrence, and their fusion."""
