"""Records the statistics of a training run, as a page, figures or JSON."""

from autograd.recording.recorder import Recorder

__all__ = ["Recorder"]
