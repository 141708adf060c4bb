"""Calibration: the temperature at which probabilities fit their labels best, and how far they are from them."""

from xent.calibration._reliability import (
    CalibrationError,
    Reliability,
    expected_calibration_error,
    reliability,
    smooth_calibration_error,
)
from xent.calibration._temperature import TemperatureFit, fit_temperature

__all__ = [
    "CalibrationError",
    "Reliability",
    "TemperatureFit",
    "expected_calibration_error",
    "fit_temperature",
    "reliability",
    "smooth_calibration_error",
]
