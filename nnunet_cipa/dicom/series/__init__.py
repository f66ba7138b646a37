"""Series: the files of one, their order and geometry, and their pixels."""
