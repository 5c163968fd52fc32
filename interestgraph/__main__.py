"""`python -m interestgraph`, for what starts modules: torchrun, debuggers, profilers."""

from interestgraph.cli import main

main()
