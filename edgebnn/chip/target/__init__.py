"""What a chip is made of: a target's tables, each number a quantity with unit, source and evidence."""
