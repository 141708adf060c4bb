"""Two real classifiers' predictions on held-out handwritten digits, written by ``examples/01_train_digits.py``."""
