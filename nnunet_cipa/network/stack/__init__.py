"""CIPA on whole stacks: slices are encoded one by one, and scans along z join them at every stage."""
