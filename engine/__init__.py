"""The recommendation engine: graph, model and the maths between them."""
