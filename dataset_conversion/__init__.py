"""From public data sets to nnU-Net's raw format, and phantoms in the layout of those data sets."""
