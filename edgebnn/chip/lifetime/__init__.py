"""What the life of a deployment takes: endurance, updates, energy and batteries."""
