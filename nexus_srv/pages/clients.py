"""The programs that sign people in through Nexus, as administrators see them."""

from dataclasses import replace
from typing import Any

from tornado.web import HTTPError

from hmlib.auth.permissions import allowed
from hmlib.clock import new_id
from hmlib.errors import Invalid, Stale
from hmlib.web.problems import Problem
from nexus_srv.oauth import clients as programs
from nexus_srv.pages.login import StepUpPage
from nexus_srv.pages.users import version_of
from nexus_srv.queries import clients, outbox
from nexus_srv.queries.clients import Client

FIELDS = ("name", "redirect_uris", "post_logout_uris", "logout_uri", "scopes", "exchange", "service")


class ClientHandler(StepUpPage):
    """What the pages about programs share. Whoever may change them has shown lately who they are."""

    async def client(self, id: str) -> Client:
        """The program, or 404."""
        found = await clients.by_id(self.db, id)
        if found is None:
            raise HTTPError(404)
        return found

    def wanted(self, before: Client) -> Client:
        """What was typed. A module's addresses are the operator's, in HM_MODULES, and its scopes are its people's. Raises Invalid."""
        form, policies, errors = self.form, dict[str, Any](), dict[str, str]()
        for name in ("exchange", "service"):
            try:
                policies[name] = programs.policy_of(form.get(name, ""))
            except ValueError:
                errors[name] = "Write a line for each service, such as: nexus: directory:read users:read"
        if errors:
            raise Invalid(errors)
        wanted = replace(before, **policies, version=version_of(form))
        if before.module:
            return wanted
        lists: dict[str, Any] = {name: tuple(form.get(name, "").split()) for name in ("redirect_uris", "post_logout_uris", "scopes")}
        return replace(wanted, **lists, name=form.get("name", ""), logout_uri=form.get("logout_uri", ""))

    def show_form(self, client: Client, errors: dict[str, str] | None = None, status: int = 200) -> None:
        values = {name: self.form[name] for name in FIELDS if name in self.form} if errors else {}
        self.set_status(status)
        self.page("clients/form.html", client=client, errors=errors or {}, values=values, policy_text=programs.policy_text)

    def show_secret(self, client: Client, secret: str | None) -> None:
        """The one page that holds the secret."""
        self.page("clients/secret.html", client=client, secret=secret)


class ClientListPage(ClientHandler):
    """All of them, and where a new one is posted to."""

    @allowed("clients:admin")
    async def get(self) -> None:
        self.page("clients/list.html", clients=await clients.everything(self.db))

    @allowed("clients:admin")
    async def post(self) -> None:
        if self.must_confirm(self.reverse_url("client-new")):
            return
        public = "public" in self.form
        try:
            wanted = self.wanted(Client(new_id(), ""))
            await programs.check(self.db, wanted, public=public)
            async with self.transaction(secret=True) as tx:
                self.show_secret(wanted, await programs.add(tx, self.keys, wanted, self.actor, self.now, public=public))
        except Invalid as invalid:
            self.show_form(Client("", ""), invalid.errors, 422)


class ClientNewPage(ClientHandler):
    """An empty form."""

    @allowed("clients:admin")
    async def get(self) -> None:
        if not self.must_confirm(self.reverse_url("client-new")):
            self.show_form(Client("", ""))


class ClientPage(ClientHandler):
    """One program, and where changes are posted to."""

    @allowed("clients:admin")
    async def get(self, id: str) -> None:
        client, delivery = await self.client(id), await outbox.delivery(self.db, id)
        self.page("clients/page.html", client=client, delivery=delivery, policy_text=programs.policy_text)

    @allowed("clients:admin")
    async def post(self, id: str) -> None:
        before = await self.client(id)
        if self.must_confirm(self.reverse_url("client-edit", id)):
            return
        try:
            wanted = self.wanted(before)
            await programs.check(self.db, wanted, public=wanted.public)
            async with self.transaction() as tx:
                await programs.change(tx, before, wanted, self.actor, self.now)
                self.toast("Saved.")
                self.see_other(self.reverse_url("client", id))
        except Invalid as invalid:
            self.show_form(before, invalid.errors, 422)
        except Stale:
            self.show_form(before, {"": "Somebody changed this while you were editing. Look at what you typed and save again."}, 409)


class ClientEditPage(ClientHandler):
    """The form of one program."""

    @allowed("clients:admin")
    async def get(self, id: str) -> None:
        client = await self.client(id)
        if not self.must_confirm(self.reverse_url("client-edit", id)):
            self.show_form(client)


class ClientSecret(ClientHandler):
    """A new secret in place of the old one."""

    @allowed("clients:admin")
    async def post(self, id: str) -> None:
        client = await self.client(id)
        if client.module:
            raise Problem(409, "module", "A module's secret is renewed by hm init, which also gives it to the module.")
        back = self.reverse_url("client", id)
        question = f"Make a new secret for {client.name}? The old one is good for nothing from then on."
        if self.must_confirm(back) or not self.confirmed(question, "Make a new secret", back):
            return
        async with self.transaction(secret=True) as tx:
            secret = await programs.renew_secret(tx, self.keys, id, self.actor, self.now)
            if secret is None:
                raise HTTPError(404)
            self.show_secret(client, secret)


class ClientStatus(ClientHandler):
    """Switched off, every token it was given ends; or on again."""

    @allowed("clients:admin")
    async def post(self, id: str) -> None:
        before = await self.client(id)
        off, back = self.form.get("status") == "disabled", self.reverse_url("client", id)
        question = f"Switch {before.name} off? Nobody can use it until it is switched on again."
        if self.must_confirm(back) or (off and not self.confirmed(question, f"Switch {before.name} off", back)):
            return
        async with self.transaction() as tx:
            await programs.change(tx, before, replace(before, disabled=off), self.actor, self.now)
            self.toast(f"{before.name} is switched {'off' if off else 'on'}.")
            self.see_other(self.reverse_url("client", id))
