"""Storage: checkpoints and weights in files, and readers of data files."""
