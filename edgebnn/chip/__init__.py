"""Chips: target files with the provenance of every number, chip instances with their errors, and energy."""
