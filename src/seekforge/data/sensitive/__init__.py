"""Sensitive content: word lists read against ordinary text, tricks of spelling, and classifiers.

`lists` reads words and ordinary text, `entries` decides which words may decide alone, `views` makes what is written
with tricks readable, `ngrams` and `train` are the classifier, `chinese` puts all of it together and keeps it on disk.
"""
