"""Files: what a user names, ledgers, tensors, and code of a user's own with what it says."""
