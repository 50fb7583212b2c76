"""Treasury: turns the directory, the agreements and the hours into what each company owes for a month."""
