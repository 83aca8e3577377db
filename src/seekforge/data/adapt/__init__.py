"""Domain adaptation: a lexicon from text, a tokenizer with its terms, embeddings to start them from."""
