"""The walk over a graph: what each operation becomes in the integer network."""
