"""Programs of numerical practice in plain NumPy. tests/test_programs.py differentiates and checks them."""
