"""Treasury's own commands beside those every service shares: none so far. Importing and demo data are `hm`'s."""

import click

from treasury_srv.imports.files import IMPORTS

__all__ = ["IMPORTS", "commands"]


@click.group()
def commands() -> None:
    """Look after Treasury."""
