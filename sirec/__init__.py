"""Side-information sequential recommendation: prepare, train, evaluate, compare."""
