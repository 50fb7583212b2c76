"""Wiki, put together: the table of contents of its addresses, its navigation, and its application."""

from pathlib import Path

from tornado.web import url

from hmlib.config import Settings
from hmlib.db import change_numbers
from hmlib.db.database import Db
from hmlib.db.migrate import Folder
from hmlib.nexus.client import Nexus
from hmlib.server import admin
from hmlib.server.application import application
from hmlib.web.handler import ServiceApplication
from hmlib.web.layout import NavigationItem
from wiki_srv.api import articles as api_articles
from wiki_srv.api import context as api_context
from wiki_srv.api import imports as api_imports
from wiki_srv.api import revisions as api_revisions
from wiki_srv.articles.rendering import Texts
from wiki_srv.pages import article_forms, articles, companies, home, imports, revisions, search, spaces
from wiki_srv.parts import WikiParts
from wiki_srv.settings import PREFERENCES

HERE = Path(__file__).parent

MIGRATIONS: tuple[Folder, ...] = (("hmlib", HERE.parent / "hmlib" / "migrations"), ("wiki", HERE / "migrations"))

NAVIGATION = (
    NavigationItem("Articles", "articles", "file-text", "wiki:read"),
    NavigationItem("Companies", "companies", "building", "wiki:read"),
    NavigationItem("General", "spaces", "books", "wiki:read"),
    NavigationItem("Search", "search", "search", "wiki:read"),
    NavigationItem("Import", "imports", "file-import", "wiki:write"),
    NavigationItem("Settings", "settings", "settings", "settings:admin"),
    NavigationItem("Jobs", "jobs", "list-check", "settings:admin"),
    NavigationItem("Audit log", "audit", "clipboard-list", "audit:read"),
)

ID = r"([0-9a-f-]{36})"
NUMBER = r"([0-9]{1,9})"

ROUTES = [
    # browsers
    url(r"/", home.HomePage, name="home"),
    url(r"/articles", articles.ArticleListPage, name="articles"),
    url(r"/articles/new", article_forms.ArticleNewPage, name="article-new"),
    url(rf"/articles/{ID}", articles.ArticlePage, name="article"),
    url(rf"/articles/{ID}/edit", article_forms.ArticleEditPage, name="article-edit"),
    url(rf"/articles/{ID}/revisions", revisions.RevisionListPage, name="revisions"),
    url(rf"/articles/{ID}/revisions/{NUMBER}", revisions.RevisionPage, name="revision"),
    url(rf"/articles/{ID}/revisions/{NUMBER}/diff", revisions.RevisionDiffPage, name="revision-diff"),
    url(r"/companies", companies.CompanyListPage, name="companies"),
    url(rf"/companies/{ID}", companies.CompanyPage, name="company"),
    url(r"/spaces", spaces.SpaceListPage, name="spaces"),
    url(rf"/spaces/{ID}", spaces.SpacePage, name="space"),
    url(r"/search", search.SearchPage, name="search"),
    url(r"/imports", imports.ImportListPage, name="imports"),
    url(rf"/imports/{ID}", imports.ImportPage, name="import"),
    url(rf"/imports/{ID}/removal", imports.ImportRemoval, name="import-removal"),
    # pieces of pages
    url(r"/articles/rows", articles.ArticleRows, name="article-rows"),
    url(r"/articles/preview", article_forms.ArticlePreview, name="article-preview"),
    url(rf"/articles/{ID}/archive", articles.ArticleArchive, name="article-archive"),
    url(r"/companies/rows", companies.CompanyRows, name="company-rows"),
    url(rf"/companies/{ID}/rows", companies.CompanyArticleRows, name="company-article-rows"),
    url(rf"/spaces/{ID}/rows", spaces.SpaceArticleRows, name="space-article-rows"),
    url(r"/search/results", search.SearchResults, name="search-results"),
    # other services
    url(r"/api/articles", api_articles.ArticleList),
    url(r"/api/articles:lookup", api_articles.ArticleLookup),
    url(r"/api/articles:gone", api_articles.ArticleGone),
    url(rf"/api/articles/{ID}", api_articles.ArticleOne, name="api-article"),
    url(rf"/api/articles/{ID}/archive", api_articles.ArticleArchive),
    url(rf"/api/articles/{ID}/revisions", api_revisions.RevisionList),
    url(rf"/api/articles/{ID}/revisions/{NUMBER}", api_revisions.RevisionOne),
    url(r"/api/imports/articles", api_imports.Import),
    url(r"/api/context", api_context.ArticleContext),
    *admin.routes(),
]


def make_app(settings: Settings, db: Db, nexus: Nexus | None) -> ServiceApplication:
    """Wiki's application over its database and the Nexus it asks."""
    return application(
        settings,
        db,
        nexus,
        routes=ROUTES,
        templates=HERE / "templates",
        preferences=PREFERENCES,
        navigation=NAVIGATION,
        search_route="search",
        parts=WikiParts(Texts()),
        state=change_numbers.latest,
    )
