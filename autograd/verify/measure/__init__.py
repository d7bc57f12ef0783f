"""Measure slopes: what is checked, differences with error bars, verdicts along lines, and contracts beside the numbers."""
