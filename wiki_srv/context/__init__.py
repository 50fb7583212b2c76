"""The pieces of articles that a language model is given for a question."""
