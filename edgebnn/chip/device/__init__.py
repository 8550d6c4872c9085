"""The physics of devices and sense amplifiers: pulses, resistances, reads, and the error rates that follow."""
