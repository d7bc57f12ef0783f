"""Activations of neural networks, each one elementwise operation: elu, gelu, silu, mish and their like."""
