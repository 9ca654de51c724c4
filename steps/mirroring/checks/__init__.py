"""What is looked at before a run, in its place, and after it."""
