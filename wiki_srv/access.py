"""Which articles a caller may see, as a condition of SQL and as a condition of the full-text search. Pure: no I/O."""

from typing import Any

from hmlib.auth.permissions import Caller
from wiki_srv.search.query_text import Facets
from wiki_srv.search.words import facet

GENERAL_FACET = facet("g", "")


def seen(caller: Caller, table: str = "article") -> tuple[str, dict[str, Any]]:
    """The condition on `article` (or another table with its company, audience and status) and its parameters.

    A client sees what is published for clients in the spaces of its own companies; everybody else the articles of the companies
    in their scope and all general ones.
    """
    scope = caller.scope.clause(f"{table}.company_id")
    if caller.level == "client":
        shown = f"{table}.audience = 'client' AND {table}.status IN ('published', 'needs_review')"
        return f"({shown} AND {table}.company_id IS NOT NULL AND {scope})", caller.scope.params()
    return f"({table}.company_id IS NULL OR {scope})", caller.scope.params()


def seen_revisions(caller: Caller) -> str:
    """The condition on `revision` beside that on its article: what was internal then is not shown to a client now."""
    return "revision.audience = 'client'" if caller.level == "client" else "TRUE"


def facets(caller: Caller) -> Facets:
    """The same as seen(), for the full-text index."""
    companies = tuple(facet("c", company_id) for company_id in sorted(caller.scope.ids))
    if caller.level == "client":
        only = {"all": (), "only": (companies or (facet("c", ""),),), "except": ()}[caller.scope.rule]
        refused = (GENERAL_FACET, *(companies if caller.scope.rule == "except" else ()))
        return Facets(((facet("a", "client"),), *only), refused)
    if caller.scope.rule == "only":
        return Facets(((GENERAL_FACET, *companies),))
    return Facets((), companies if caller.scope.rule == "except" else ())
