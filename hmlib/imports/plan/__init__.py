"""The plan of an import: what each row would do, kept in a table; made in slices, moved over in one transaction, moved back to undo it."""
