"""Tests of what Beambot remembers."""
