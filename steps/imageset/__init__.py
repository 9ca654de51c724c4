"""Operators and versions → ImageSetConfiguration; its validation; the difference of two. Pure."""
