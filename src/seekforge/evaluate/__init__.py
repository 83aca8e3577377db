"""Evaluation: what the base model answers against what the tuned one does, and whether serving changes it."""
