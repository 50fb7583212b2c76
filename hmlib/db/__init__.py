"""The database: SQLite and PostgreSQL behind one Db, migrations, and lists that are searched, sorted and read page by page."""
