"""Banks of cells: their shape, what is to be programmed into them, and what they answer once that is done."""
