"""What a node means, in each dialect that exporters write; it recognises and builds nothing."""
