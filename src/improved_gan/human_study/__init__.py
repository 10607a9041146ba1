"""The visual Turing test: people say of images whether they are real or generated."""
