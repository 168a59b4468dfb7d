"""One use case a file. Orchestration only: knows ports, not libraries."""
