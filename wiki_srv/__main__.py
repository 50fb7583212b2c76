"""Runs one process of Wiki: python -m wiki_srv."""

import sys

from hmlib.server.service import run
from wiki_srv.app import MIGRATIONS, make_app

if __name__ == "__main__":
    sys.exit(run("wiki", make_app, MIGRATIONS))
