"""The data stage: raw files in, a clean train, validation and test split out, every dropped record with its reason."""

from seekforge.data.pipeline import Work, run_pipeline
from seekforge.data.result import DataResult
from seekforge.data.sources import read_sources
from seekforge.data.stage import DataStage

__all__ = ["DataResult", "DataStage", "Work", "read_sources", "run_pipeline"]
