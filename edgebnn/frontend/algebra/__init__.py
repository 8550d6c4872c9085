"""Functions of one integer per channel: how they are written, evaluated, and what is known of them."""
