"""Ranks of targets, metrics of ranks, and what a difference of metrics is worth."""
