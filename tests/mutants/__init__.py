"""Whether the tests notice a fault: one-line faults (mutants) put into the source, one after another.

`make mutants` draws them at random, runs for each one the tests that reach its line, and prints those that no test
noticed. See `python -m tests.mutants --help`.
"""
