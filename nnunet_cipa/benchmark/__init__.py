"""Cross-validation of several trainers on the same folds at the same budget, by nnU-Net's own commands."""
