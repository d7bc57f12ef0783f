"""Comparisons with PyTorch: the same numbers through both, forward and backward, in float64."""
