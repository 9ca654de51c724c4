"""Container registries and the images in them; nothing outside this package speaks to a registry.

`access.Access` opens a repository of a registry, with the logins and the trust of `options`;
`registry.Repository` is what it opens, and `reference.Reference` parses what an image is called.
"""
