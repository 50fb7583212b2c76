"""Runs one process of Treasury: python -m treasury_srv."""

import sys

from hmlib.server.service import run
from treasury_srv.app import MIGRATIONS, make_app

if __name__ == "__main__":
    sys.exit(run("treasury", make_app, MIGRATIONS))
