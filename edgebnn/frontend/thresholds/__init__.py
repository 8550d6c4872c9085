"""Where a function of one integer takes its steps: integer thresholds, and where float32 may take them otherwise."""
