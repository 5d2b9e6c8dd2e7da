"""Find the training examples that hurt a generative model, remove them, and prove that it got better."""

__version__ = "0.1.0"
