"""Training recipes: recordings from `devices`, networks from `nn`, which know nothing of each other."""
