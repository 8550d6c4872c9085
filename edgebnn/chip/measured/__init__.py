"""What a lab measured on a real chip: its files, its cells, and what in them looks like a slip."""
