"""The subjects of checks, as functions from one flat vector to another: of Values, of NumPy, and of other frameworks."""
