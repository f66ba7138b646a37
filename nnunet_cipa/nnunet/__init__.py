"""All that this package knows of nnU-Net: its folders and files, what it logs, and the versions that were tested."""
