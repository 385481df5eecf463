"""What users call on their data: the scikit-learn estimator `Atlas`, and `minima`."""

from latentatlas.estimator.atlas import Atlas
from latentatlas.estimator.charting import ChartSettings
from latentatlas.estimator.coordinates import ChartCoordinates
from latentatlas.estimator.drift import Drift
from latentatlas.estimator.few_shot import FewShot
from latentatlas.estimator.landscape import minima
from latentatlas.estimator.naming import Basin
from latentatlas.estimator.passing import Passage
from latentatlas.estimator.remembering import Memory
from latentatlas.estimator.sampling import LangevinRefinement
from latentatlas.estimator.saving import report_of

__all__ = [
    "Atlas",
    "Basin",
    "ChartCoordinates",
    "ChartSettings",
    "Drift",
    "FewShot",
    "LangevinRefinement",
    "Memory",
    "Passage",
    "minima",
    "report_of",
]
