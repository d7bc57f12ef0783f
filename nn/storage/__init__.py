"""Files: checkpoints and the archives below them, tables, and readers of data sets."""
