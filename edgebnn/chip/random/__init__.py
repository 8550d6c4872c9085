"""Random words and normal numbers, alike on every machine and in any order: where every error is drawn from."""
