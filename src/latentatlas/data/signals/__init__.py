"""Continuous records, and the windows that are cut from them."""

from latentatlas.data.signals.files import read_recording
from latentatlas.data.signals.flat import DropFlat, FlatWindows, MarkFlat, RefuseFlat
from latentatlas.data.signals.gaps import Gaps, InterpolatedGaps, SplitAtGaps
from latentatlas.data.signals.placement import AroundEvents, InsideSegments, NearestEvent, Placement, Sliding
from latentatlas.data.signals.reader import Signals
from latentatlas.data.signals.recording import Events, Recording
from latentatlas.data.signals.splitting import HeldOutGroups, hold_out_groups
from latentatlas.data.signals.statistics import log_spectrum, window_statistics
from latentatlas.data.signals.windows import Windows

__all__ = [
    "AroundEvents",
    "DropFlat",
    "Events",
    "FlatWindows",
    "Gaps",
    "HeldOutGroups",
    "InsideSegments",
    "InterpolatedGaps",
    "MarkFlat",
    "NearestEvent",
    "Placement",
    "Recording",
    "RefuseFlat",
    "Signals",
    "Sliding",
    "SplitAtGaps",
    "Windows",
    "hold_out_groups",
    "log_spectrum",
    "read_recording",
    "window_statistics",
]
