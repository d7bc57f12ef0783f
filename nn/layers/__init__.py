"""Layers: linear, convolution, normalisation, recurrent, attention, activations, and neurons of scalars."""
