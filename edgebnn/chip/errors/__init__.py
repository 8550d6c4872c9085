"""Where bit errors come from: the error models, by which programmed banks answer otherwise than was meant."""
