"""Who may do what: permissions, tokens and their keys, sessions, revocations."""
