"""Hyperparameter search with Optuna: a study in an sqlite file, whose trials are ordinary runs."""
