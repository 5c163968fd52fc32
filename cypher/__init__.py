"""Every Cypher statement of the project, one a file."""
