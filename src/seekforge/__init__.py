"""seekforge: from raw domain text to a measured LLM endpoint."""

__version__ = "0.1.0"
