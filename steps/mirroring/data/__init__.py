"""The data directory: where everything of a mirror lies, and how it stays whole."""
