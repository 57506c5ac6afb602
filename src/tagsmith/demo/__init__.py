"""A small English corpus written for tagsmith, and a demonstration on it.

It has 488 sentences for training, 96 for dev and 96 for test, tokenised and labelled by hand as in CoNLL-2003: people,
places, organisations and miscellaneous names. Its people are invented. It is free to use under the package's licence.
"""
