"""A kind of record, declared once: its fields, and from them list, form, API, bulk, history and columns of files."""
