"""Explain a failed check: the likely cause, and the operation to blame."""
