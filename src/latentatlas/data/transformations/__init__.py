"""Changes of items as objects: parameters are drawn, kept and applied; for training, judging and pictures."""

from latentatlas.data.transformations.base import Chain, Transformation, Transformed
from latentatlas.data.transformations.embeddings import CoordinateDropout
from latentatlas.data.transformations.images import BrightnessContrast, CropResize, ImageRotation, ImageShift
from latentatlas.data.transformations.rotations import AxisRotation, UniformRotation, as_matrices, as_six
from latentatlas.data.transformations.signals import (
    AdditiveNoise,
    AmplitudeScaling,
    BaselineWander,
    ChannelDropout,
    CircularShift,
    WindowSlide,
)

__all__ = [
    "AdditiveNoise",
    "AmplitudeScaling",
    "AxisRotation",
    "BaselineWander",
    "BrightnessContrast",
    "Chain",
    "ChannelDropout",
    "CircularShift",
    "CoordinateDropout",
    "CropResize",
    "ImageRotation",
    "ImageShift",
    "Transformation",
    "Transformed",
    "UniformRotation",
    "WindowSlide",
    "as_matrices",
    "as_six",
]
