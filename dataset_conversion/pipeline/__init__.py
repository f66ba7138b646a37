"""What every converter does: staging, finished cases, folds, provenance and dataset.json."""
