"""The local workspace and the simulated Beam API that `make demo` starts."""
