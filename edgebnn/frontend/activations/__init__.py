"""What flows through a model between its layers, before it is a tensor of the network."""
