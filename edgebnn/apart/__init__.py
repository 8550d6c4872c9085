"""Other people's libraries on strangers' files: each in a process of its own, with bounds on memory and time."""
