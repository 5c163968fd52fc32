"""How fast events become graph: `python -m benchmarks.ingest`."""
