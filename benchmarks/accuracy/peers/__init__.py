"""Models of other libraries, trained on the same files and split and measured by the same code as ours."""
