"""oc-mirror itself: what it is called with, what it says, where it puts images."""
