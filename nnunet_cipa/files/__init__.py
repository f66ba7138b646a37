"""Files and folders: written whole or not at all, locked, hashed, and read with a remedy if they are damaged."""
