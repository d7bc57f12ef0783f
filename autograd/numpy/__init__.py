"""NumPy's names on Values: its dispatch protocols, its methods, and the errors where its protocols do not reach."""
