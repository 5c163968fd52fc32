"""The command and the client: what other people run or import."""
