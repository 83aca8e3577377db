"""The page a run leaves behind: one self-contained HTML file built from its report."""

from seekforge.core.report.html import render

__all__ = ["render"]
