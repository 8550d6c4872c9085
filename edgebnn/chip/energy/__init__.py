"""Events that were counted, and the energy and the time that they take."""
