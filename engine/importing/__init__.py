"""Files and ready data sets into the graph: read, checked, written once, resumable."""
