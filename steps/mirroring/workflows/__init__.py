"""The workflows of `mirror`, one module each, and what belongs to one workflow only."""
