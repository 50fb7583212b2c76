"""Companies, contacts, locations and assets: their rules, changes and imports."""
