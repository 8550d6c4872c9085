"""`python -m edgebnn` is the command line."""

from edgebnn.cli.main import main

main()
