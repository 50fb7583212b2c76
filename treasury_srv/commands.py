"""Treasury's own commands beside those every service shares: none so far. Importing and demo data are `hm`'s."""

import click

from treasury_srv.imports import files

IMPORTS = files


@click.group()
def commands() -> None:
    """Look after Treasury."""
