"""Operator catalogs, read from the layers of index images (file-based catalogs). Pure.

packages       the packages, channels and bundles of a catalog
fbc            the file format, and what to look for in a file
layers         the search through the layers of an image
dependencies   which packages a bundle needs besides its own
"""
