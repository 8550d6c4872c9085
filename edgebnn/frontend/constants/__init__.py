"""What a model computes of constants alone: folded once, before anything is mapped."""
