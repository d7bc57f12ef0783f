"""Convolutions and pooling over windows of arrays (batch, channels, *space), with their derivative rules."""
