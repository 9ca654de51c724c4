"""oc-mirror: its arguments, history, archives and outcome. Pure, but for one runner."""
