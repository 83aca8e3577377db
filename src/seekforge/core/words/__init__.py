"""Listed words in text, found in whatever way they are written: the guard masks them, the data stage drops by them.

`fold` makes all spellings one, `lists` reads lists, `matcher` finds their entries, `decide` weighs exceptions.
"""
