"""Benchmarks, run by hand: timings are no tests, and pytest does not collect this folder. Its README.md describes them."""
