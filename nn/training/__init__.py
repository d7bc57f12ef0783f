"""Training: data, optimisers, schedules, clipping, guards, and the loop."""
