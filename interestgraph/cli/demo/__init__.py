"""`interestgraph demo`: the whole loop on real purchases, told in the terminal."""
