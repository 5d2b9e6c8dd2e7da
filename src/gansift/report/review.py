"""What deciding image by image takes besides the images and their scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Review:
    """What a person sees of every training image besides the image and its score.

    Attributes:
        run: the run's name; decisions that a browser keeps belong to it.
        horizon: the horizon of the scores, in steps.
        paths: the file of every training example, or "".
        generated: samples of the generator that was trained on everything, (M, C, H, W) in [-1, 1].
        nearest_generated: the nearest of them to every training example, shape (N,).
        nearest_training: the nearest other training example, shape (N,).
        mean: the mean of the scores over several training seeds, shape (N,), or None.
        standard_error: the standard error of that mean, shape (N,), or None.
        plane: where each image lies on a map of what the metric sees, shape (N, 2), or None.
    """

    run: str
    horizon: int
    paths: tuple[str, ...]
    generated: np.ndarray
    nearest_generated: np.ndarray
    nearest_training: np.ndarray
    mean: np.ndarray | None = None
    standard_error: np.ndarray | None = None
    plane: np.ndarray | None = None
