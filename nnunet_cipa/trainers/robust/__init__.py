"""Mixins that make a training survive steps that are not finite, kills, damaged files and other folds; and its seed."""
