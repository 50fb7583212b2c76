"""What is kept about records: the audit log, and settings that people change."""
