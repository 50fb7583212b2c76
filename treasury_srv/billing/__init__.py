"""What a company owes for a month: arithmetic on facts, without a database or a network."""
