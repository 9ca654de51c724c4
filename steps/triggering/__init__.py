"""Runs that events start: which one is asked for, whether it is still wanted, whose turn it is."""
