"""Compression: a trained model to smaller files that other engines read."""
