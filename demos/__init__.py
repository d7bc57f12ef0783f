"""Demos to run, to look at and to read: ``python -m demos.digits`` and its neighbours, a file each."""
