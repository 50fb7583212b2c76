"""People: their passwords, how they sign in, their sessions and what they may see."""
