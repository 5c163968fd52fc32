"""Users and users: who is like whom, neighbours by breadth-first search, and their items."""
