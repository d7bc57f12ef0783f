"""Explain a failed check: the likely cause, the operation to blame, and the failing input, simplified."""
