"""Whether an image of ours is what its builder signed, and how a build signs it."""
