"""A strict local stand-in for Slack: one process, one team, a page to use it with."""
