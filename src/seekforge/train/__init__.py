"""Training: records to an adapter (LoRA) or to new weights (full), stopped before it overfits."""
