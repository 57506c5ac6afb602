"""A small English corpus written for tagsmith, and a demonstration on it.

488 sentences for training, 96 for dev and 96 for test, with people, places, organisations and miscellaneous names,
tokenised and labelled by hand as in CoNLL-2003. Its people are invented. Free to use under the package's licence.
"""
