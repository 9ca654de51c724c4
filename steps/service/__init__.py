"""The persistent service: mirrors on schedule, and shows on one page and as metrics how it is."""
