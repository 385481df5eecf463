"""What users call on their data: the scikit-learn estimator `Atlas`, and `minima`."""

from latentatlas.estimator.atlas import Atlas
from latentatlas.estimator.drift import Drift
from latentatlas.estimator.landscape import minima
from latentatlas.estimator.saving import report_of

__all__ = ["Atlas", "Drift", "minima", "report_of"]
