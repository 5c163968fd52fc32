"""Items that follow each other: counting, folding of recent events, recount."""
