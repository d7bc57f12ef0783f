"""Demos to run and to read, one file each: ``python -m demos.digits``; ``python -m demos`` lists them."""
