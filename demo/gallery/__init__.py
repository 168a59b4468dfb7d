"""Everything that Beambot can show, from its own builders: for eyes, for reviews and for tests."""
