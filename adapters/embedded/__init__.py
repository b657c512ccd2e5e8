"""Models that run inside this process, from weights that arrive in registry packages.

Nothing is downloaded at run time: a weight file is found inside its installed package, its
SHA-256 is checked against the one pinned in :mod:`adapters.embedded.weights`, and only then is
it loaded.
"""
