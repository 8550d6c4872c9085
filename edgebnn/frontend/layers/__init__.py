"""The integers of a layer: weights, sums, padding, what float32 rounds in them; and the nodes that they become."""
