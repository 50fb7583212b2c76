"""Who a request to Nexus comes from: the account as it stands now, behind a session of ours or a token we signed."""

from hmlib.auth.jwks import BadToken
from hmlib.auth.permissions import PERMISSIONS, Caller, CompanyScope, effective_permissions
from hmlib.auth.sessions import Session
from hmlib.auth.tokens import Claims, Verifier
from hmlib.clock import parse
from hmlib.db.database import Db
from nexus_srv.queries import token_status, users
from nexus_srv.queries.users import User


class NexusCallers:
    """Nexus's own Callers: nothing is remembered, so a disabled account is out at its next request."""

    def __init__(self, db: Db, verifier: Verifier) -> None:
        self._db, self.verifier = db, verifier

    async def by_session(self, session: Session, now: str) -> Caller | None:
        user = await users.by_id(self._db, session.user_id)
        if user is None or not user.active:
            return None
        return Caller(
            id=user.id,
            name=user.display_name,
            level=user.level,
            permissions=PERMISSIONS[user.level],
            scope=user.scope,
            sid=session.sid,
            auth_time=session.auth_time,
            amr=session.amr,
        )

    async def by_bearer(self, token: str, now: str) -> Caller:
        claims = await self.verifier.verify(token)
        if claims.permission_level is None:
            if not await token_status.service(self._db, claims):
                raise BadToken("the client or its token has ended")
            return _service(claims, token)
        user = await users.by_id(self._db, claims.sub)
        if user is None or not user.active:
            raise BadToken("the account is not active")
        if claims.sid is None and user.password_changed_at and claims.iat < int(parse(user.password_changed_at).timestamp()):
            raise BadToken("the password has changed since")
        if await token_status.level(self._db, claims, now) is None:
            raise BadToken("the session or the token has ended")
        return _person(user, claims, token)

    def nexus_for(self, caller: Caller, session: Session | None) -> None:
        """Nexus does not ask itself over HTTP."""


def _person(user: User, claims: Claims, token: str) -> Caller:
    return Caller(
        id=user.id,
        name=user.display_name,
        level=user.level,
        permissions=effective_permissions(user.level, claims.scope),
        scope=user.scope,
        sid=claims.sid,
        client_id=claims.client_id,
        # Without a session the token itself came of a password, at the moment it was made.
        auth_time=claims.auth_time or (claims.iat if claims.sid is None else None),
        amr=claims.amr,
        on_behalf_of=claims.act or "",
        token=token,
    )


def _service(claims: Claims, token: str) -> Caller:
    permissions = effective_permissions(None, claims.scope)
    return Caller(claims.sub, claims.client_id, None, permissions, CompanyScope(), client_id=claims.client_id, kind="service", token=token)
