"""Plans → ImageSetConfiguration, and what there is to say about one: valid, described, compared. Pure."""
