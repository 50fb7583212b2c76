"""Articles: their text, drafts, differences, imports, and what must not stand in them."""
