"""What several layers share, and what is done with any layer."""
