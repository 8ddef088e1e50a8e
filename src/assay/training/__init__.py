"""Training networks: one routine for every network and task, and the search for the smallest size that learns."""
