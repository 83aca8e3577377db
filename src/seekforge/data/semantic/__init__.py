"""Semantic duplicates: the guard that no likeness overrules, the search, and how a threshold is calibrated."""
