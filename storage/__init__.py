"""What Beambot remembers: one SQL database, read and written in short transactions."""
