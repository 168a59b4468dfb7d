"""A simulated Beam API: the two documented endpoints, tasks that live their lives, and faults."""
