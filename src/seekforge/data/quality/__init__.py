"""Statistics of one text, each a pure function: words, repetition."""
