"""Functions written out for speed, each beside its reference of one line."""
