"""Layers and activations."""
