"""Verdicts and arrays in, files out: the HTML certificate."""

from latentatlas.report.certificate import certificate_html

__all__ = ["certificate_html"]
