"""Training: fit(), optimisers, schedules, clipping, guards, data, metrics."""
