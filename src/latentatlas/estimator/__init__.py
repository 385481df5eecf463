"""The scikit-learn face: `Atlas`."""

from latentatlas.estimator.atlas import Atlas
from latentatlas.estimator.drift import Drift
from latentatlas.estimator.saving import report_of

__all__ = ["Atlas", "Drift", "report_of"]
