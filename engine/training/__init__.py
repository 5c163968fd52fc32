"""Training: data, loop, checkpoints, artefacts."""
