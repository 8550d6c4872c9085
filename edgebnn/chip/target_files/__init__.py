"""Target files: read and checked, copied, and their numbers set otherwise."""
