"""The persistent service: it mirrors on schedule, and shows its state on a web page and as metrics."""
