"""Experiment files of this package, each by its file name: `sirec study own_model`."""
