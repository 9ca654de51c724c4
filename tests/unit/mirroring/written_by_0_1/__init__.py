"""Data directories and records as version 0.1 wrote them, and what made them (`make`)."""
