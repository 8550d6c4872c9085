"""Deployments side by side: their figures, and whether these keep to a budget."""
