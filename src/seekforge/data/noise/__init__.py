"""Labels that are likely wrong: confident learning over out-of-sample probabilities."""
