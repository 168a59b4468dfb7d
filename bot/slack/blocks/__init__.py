"""Block Kit: pure functions from what services return to messages and modals."""
