"""Arrays in, figure out. Figures are plain `matplotlib.figure.Figure` objects; no global state is touched."""

from latentatlas.plots.exemplars import exemplars_figure, strip_png
from latentatlas.plots.map import map_figure
from latentatlas.plots.style import png_bytes
from latentatlas.plots.training import training_figure

__all__ = ["exemplars_figure", "map_figure", "png_bytes", "strip_png", "training_figure"]
