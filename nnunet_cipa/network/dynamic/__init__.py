"""CIPA that also reads slices which are composed of several neighbours, by content and distance."""
