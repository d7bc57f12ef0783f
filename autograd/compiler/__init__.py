"""Record what a function computes once, as a program of NumPy calls, and replay it. README.md explains the parts."""
