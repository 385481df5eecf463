"""Verdicts and arrays in, files out: the HTML certificate, and the pages of an audit and a landscape."""

from latentatlas.report.audit import audit_html
from latentatlas.report.certificate import certificate_html
from latentatlas.report.field_comparison import FieldComparison, compare_fields
from latentatlas.report.landscape import landscape_html
from latentatlas.report.landscape_run import LandscapeRun, landscape_contents

__all__ = [
    "FieldComparison",
    "LandscapeRun",
    "audit_html",
    "certificate_html",
    "compare_fields",
    "landscape_contents",
    "landscape_html",
]
