"""What is measured of edgebnn; `make bench` runs all of it."""
