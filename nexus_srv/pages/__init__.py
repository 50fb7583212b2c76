"""What browsers are answered: cookie, XSRF, HTML."""
