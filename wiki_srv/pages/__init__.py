"""Answers browsers: cookie, XSRF token, HTML."""
