"""Interests of users: signals, decay, what a batch of events moves, and reading them."""
