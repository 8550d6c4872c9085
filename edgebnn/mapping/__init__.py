"""From a network to a deployment: tiles, memories, the weights image and the memory map."""
