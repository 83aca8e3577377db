"""Thesauri: Cilin for Chinese, WordNet for English."""

from seekforge.data.augment.thesaurus.protocol import Choice, Thesaurus

__all__ = ["Choice", "Thesaurus"]
