"""Planted bugs, each of which a law has to see: a fuzz that finds none of them proves nothing."""
