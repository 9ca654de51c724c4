"""What operator catalogs hold: read from the layers of an index image (file-based catalogs). Pure."""
