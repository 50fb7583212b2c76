"""What Wiki's handlers need besides what those of every service do."""

from dataclasses import dataclass

from wiki_srv.articles.rendering import Texts


@dataclass(frozen=True)
class WikiParts:
    """Made in make_app, read by ``self.spine.own(WikiParts)``."""

    texts: Texts
