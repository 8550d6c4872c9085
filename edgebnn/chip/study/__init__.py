"""What is found out about chips: devices under each policy, comparisons, codes, program-and-verify."""
