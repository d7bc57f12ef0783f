"""Bundle adjustment: find the rotations and positions of cameras, and the points they see, from images alone."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

Array = np.ndarray


class Scene(NamedTuple):
    """For each camera a rotation vector (axis times angle) and a shift, and the points in the frame of the world."""

    rotations: Array  # (cameras, 3)
    shifts: Array  # (cameras, 3)
    points: Array  # (points, 3)


def rotate(r: Array, points: Array) -> Array:
    """Rotate by Rodrigues' formula, with sines divided by their arguments, so that it works for no rotation, too."""
    angle = np.linalg.norm(r)
    once = np.cross(r, points)
    return points + np.sinc(angle / np.pi) * once + 0.5 * np.sinc(angle / (2 * np.pi)) ** 2 * np.cross(r, once)


def project(scene: Scene) -> Array:
    pictures = []
    for r, shift in zip(scene.rotations, scene.shifts, strict=True):
        seen = rotate(r, scene.points) + shift
        pictures.append(seen[:, :2] / seen[:, 2:])
    return np.stack(pictures)
