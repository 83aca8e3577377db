"""Checks text against a knowledge base: `FactChecker(read_knowledge(path)).check_text(text)`."""

from seekforge.data.facts.check import FactChecker, Finding
from seekforge.data.facts.knowledge import Fact, read_knowledge
from seekforge.data.facts.verdict import Evidence, Verdict

__all__ = ["Evidence", "Fact", "FactChecker", "Finding", "Verdict", "read_knowledge"]
