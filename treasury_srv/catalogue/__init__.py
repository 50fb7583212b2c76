"""What is billed and at which price: billing types, line items, plans, agreements, labour."""
