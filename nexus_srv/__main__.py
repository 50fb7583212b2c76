"""One process of Nexus: `python -m nexus_srv`."""

import sys

from hmlib.server.service import run
from nexus_srv.app import MIGRATIONS, make_app

if __name__ == "__main__":
    sys.exit(run("nexus", make_app, MIGRATIONS))
