"""Pictures of what the modules of a trained CIPA make of a slice."""
