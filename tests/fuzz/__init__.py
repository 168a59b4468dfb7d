"""Hostile and broken input of every kind: nothing escapes, nothing acts, nothing is quoted."""
