"""What a request passes through: page and API handlers, forms, errors, headers, templates."""
