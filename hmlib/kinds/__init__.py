"""What a kind of record is: types of value, fields, the declaration, and what follows from it alone: SQL, shapes of JSON, added fields."""
