"""What holds behaviour: models, commands and what they write, byte for byte, of one commit against another."""
