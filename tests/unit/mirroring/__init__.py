"""The mirror: what it asks of oc-mirror, what it keeps, and what it makes of failures."""
