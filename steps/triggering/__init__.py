"""Runs that events start: which run an event asks for, and when it may start."""
