"""Programs of numerical practice in plain NumPy. They are differentiated, and checked, in tests/test_programs.py."""
