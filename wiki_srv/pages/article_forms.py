"""Writing an article: a new one, a change to one, and the preview beside the text."""

from typing import Any

from tornado.web import HTTPError

from hmlib.auth.permissions import allowed
from hmlib.errors import Invalid
from hmlib.nexus.transport import NexusDown
from wiki_srv.articles import editing
from wiki_srv.articles.drafts import GENERAL, LONGEST_BODY, Draft, draft_of_form, folder_path, one_line, tidy_body
from wiki_srv.articles.editing import Stale, Target
from wiki_srv.pages.articles import LONGEST_FORM, ArticleHandler, TextHandler
from wiki_srv.queries import revisions, spaces
from wiki_srv.queries.articles import Article

NO_COMPANY = "Choose one of the companies you look after."
AWAY = "Nexus is not answering, and this company has no articles yet: try again shortly."
EMPTY = Draft("", "")


class ArticleNewPage(TextHandler):
    """An empty form, and where it is posted to."""

    body_limit = LONGEST_FORM

    @allowed("wiki:write")
    async def get(self) -> None:
        await self._show(EMPTY, self.query)

    @allowed("wiki:write")
    async def post(self) -> None:
        draft, errors = draft_of_form(self.form)
        target, wrong = await self._target()
        errors |= wrong
        try:
            if errors:
                raise Invalid(errors)
            async with self.transaction() as tx:
                id = await editing.create(tx, draft, target, self.actor, self.now)
                self.toast("The article is there.")
                self.see_other(self.reverse_url("article", id))
        except Invalid as invalid:
            self.set_status(422)
            await self._show(draft, self.form, errors=invalid.errors)

    async def _target(self) -> tuple[Target, dict[str, str]]:
        """Where the form wants the article, and what is wrong with that by field."""
        path, folder_error = folder_path(self.form.get("folder", ""))
        space = one_line(self.form.get("space", ""))[:100] or GENERAL
        errors = {"folder": folder_error} if folder_error else {}
        company_id = self.form.get("company", "")
        if not company_id:
            return Target(None, space, path), errors
        try:
            company = await editing.company_of(self.db, self.nexus, self.known, company_id)
        except NexusDown:
            return Target(None, space, path), {**errors, "company": AWAY}
        return Target(company, space, path), errors if company else {**errors, "company": NO_COMPANY}

    async def _show(self, draft: Draft, given: dict[str, str], errors: dict[str, str] | None = None) -> None:
        self.page(
            "articles/new.html",
            draft=draft,
            errors=errors or {},
            company=given.get("company", ""),
            space=given.get("space", GENERAL),
            folder=given.get("folder", ""),
            companies=await self._companies(),
            spaces=[space.name for space in await spaces.general(self.db, self.known)],
            text=await self.texts.rendered(draft.body),
            findings=await self.texts.secrets_in(draft.body),
        )

    async def _companies(self) -> list[tuple[str, str]]:
        """The companies to choose from: the directory's, or those that have articles while Nexus is away."""
        try:
            companies = await self.nexus.companies.everything(sort="name")
        except NexusDown:
            companies = [editing.as_company(space) for space in await spaces.of_companies(self.db, self.known)]
        return [(company.id, f"{company.name} ({company.account_number})") for company in companies]


class ArticleEditPage(ArticleHandler):
    """The form with what is stored (or with an older revision, to bring it back), and where it is posted to."""

    body_limit = LONGEST_FORM

    @allowed("wiki:write")
    async def get(self, id: str) -> None:
        article = await self.article(id)
        await self._show(article, await self._wanted(article), article.version)

    @allowed("wiki:write")
    async def post(self, id: str) -> None:
        article = await self.article(id)
        draft, errors = draft_of_form(self.form)
        base = number(self.form.get("version", ""))
        if errors:
            await self._show(article, draft, base, 422, errors=errors)
            return
        try:
            async with self.transaction() as tx:
                await editing.save(tx, self.known, id, draft, base, self.actor, self.now)
                self.toast("Saved.")
                self.see_other(self.reverse_url("article", id))
        except Stale as stale:
            await self._show_conflict(stale.theirs, draft)
        except Invalid as invalid:
            await self._show(article, draft, base, 422, errors=invalid.errors)

    async def _wanted(self, article: Article) -> Draft:
        if "revision" not in self.query:
            return article.as_draft()
        revision = await revisions.one(self.db, self.known, article.id, number(self.query["revision"]))
        if revision is None:
            raise HTTPError(404)
        return Draft(revision.title, revision.body, revision.tags, revision.audience, f"Back to revision {revision.number}")

    async def _show_conflict(self, theirs: Article, draft: Draft) -> None:
        """Yours in the form, on top of theirs now; what differs is shown, so that nothing is overwritten unseen."""
        compared = await self.texts.compared(theirs.body, draft.body)
        await self._show(theirs, draft, theirs.version, 409, theirs=theirs, compared=compared, before=theirs, after=draft)

    async def _show(self, article: Article, draft: Draft, version: int, status: int = 200, **context: Any) -> None:
        self.set_status(status)
        self.page(
            "articles/edit.html",
            article=article,
            draft=draft,
            base=version,
            text=await self.texts.rendered(draft.body),
            findings=await self.texts.secrets_in(draft.body),
            **{"errors": {}, "theirs": None, "compared": None, **context},
        )


class ArticlePreview(TextHandler):
    """What the text being written will look like, and what in it looks secret."""

    body_limit = LONGEST_FORM

    @allowed("wiki:write")
    async def post(self) -> None:
        body = tidy_body(self.form.get("body", ""))[:LONGEST_BODY]
        self.partial("articles/_preview.html", text=await self.texts.rendered(body), findings=await self.texts.secrets_in(body))


def number(text: str) -> int:
    """A revision's number from an address or form. Raises 400 for what is none."""
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise HTTPError(400)
    return int(text)
