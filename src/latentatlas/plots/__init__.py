"""Arrays in, figure out. Figures are plain `matplotlib.figure.Figure` objects; no global state is touched.

The functions that end in `_page` return HTML instead, to turn and to point at, and need the extra `interactive`.
"""

from latentatlas.plots.audit import AuditMark, AuditPanel, audit_figure
from latentatlas.plots.calibration import calibration_figure
from latentatlas.plots.charts import charts_figure, codebook_figure
from latentatlas.plots.elastic import elastic_figure
from latentatlas.plots.energy import descent_figure, distance_figure, surface_figure
from latentatlas.plots.exemplars import exemplars_figure, strip_png
from latentatlas.plots.fields import field_maps_figure, field_scatter_figure, overlap_figure, sweep_figure
from latentatlas.plots.interactive import descent_page, distance_page, energy_map_page, surface_page
from latentatlas.plots.landscape import barrier_figure, energy_map_figure
from latentatlas.plots.map import draw_rim, map_figure
from latentatlas.plots.orientation import orientation_figure
from latentatlas.plots.signals import Curve, blocks_figure, similarity_figure
from latentatlas.plots.style import png_bytes
from latentatlas.plots.training import training_figure
from latentatlas.plots.tree import merge_tree_figure, prominence_figure

__all__ = [
    "AuditMark",
    "AuditPanel",
    "Curve",
    "audit_figure",
    "barrier_figure",
    "blocks_figure",
    "calibration_figure",
    "charts_figure",
    "codebook_figure",
    "descent_figure",
    "descent_page",
    "distance_figure",
    "distance_page",
    "draw_rim",
    "elastic_figure",
    "energy_map_figure",
    "energy_map_page",
    "exemplars_figure",
    "field_maps_figure",
    "field_scatter_figure",
    "map_figure",
    "merge_tree_figure",
    "orientation_figure",
    "overlap_figure",
    "png_bytes",
    "prominence_figure",
    "similarity_figure",
    "strip_png",
    "surface_figure",
    "surface_page",
    "sweep_figure",
    "training_figure",
]
