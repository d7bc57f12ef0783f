"""Transforms of functions: gradients, Jacobians, Hessians and their products, for nested arguments; and checkpointing."""
