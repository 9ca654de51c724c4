"""Programs that stand in for what cannot be had in a test."""
