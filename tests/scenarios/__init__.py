"""Calls told as timelines: one file a behaviour, and what must come of it."""
