"""What augmentation is made of: who translates, corrects and knows synonyms, what must stay, what is like enough."""
