"""RT structure sets: read, rasterised and written."""
