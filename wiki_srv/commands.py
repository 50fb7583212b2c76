"""Wiki's own commands beside those every service shares: none so far. Importing and demo data are `hm`'s."""

import click

from wiki_srv.articles import imports

IMPORTS = imports


@click.group()
def commands() -> None:
    """Look after Wiki."""
