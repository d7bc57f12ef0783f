"""Measure slopes: differences with error bars, verdicts on claimed slopes, and contracts besides the numbers."""
