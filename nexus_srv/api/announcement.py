"""A client's word that it is there: what it could not be told is told at once."""

from hmlib.auth.permissions import anyone
from hmlib.web.api_handler import ApiHandler, documented
from hmlib.web.problems import Problem
from nexus_srv.identity.throttle import Throttled
from nexus_srv.oauth import client_auth
from nexus_srv.oauth.protocol import OAuthError
from nexus_srv.queries import outbox


class Announcement(ApiHandler):
    """Said by a module whenever one of its processes starts, or has not been heard of for a while. It changes nothing but times."""

    async def prepare(self) -> None:
        """No bearer token is looked at here: an Authorization header holds a client's credentials."""
        self.check_request()

    @anyone
    @documented(status=204)
    async def post(self) -> None:
        """Say that a client is there, by its own credentials in a Basic header. Signed-out sessions it has not heard of are told now."""
        try:
            client = await client_auth.by_basic(self.db, self.keys, self.request.headers.get_list("Authorization"), self.address)
        except OAuthError as error:
            raise Problem(error.status, error.error, error.description, error.headers) from error
        except Throttled as refusal:
            raise Problem(429, "throttled", "Too many attempts. Wait a little.", retry_after=refusal.retry_after) from refusal
        if client is None:
            raise Problem(401, "invalid_client", "A client's own credentials are needed.", {"WWW-Authenticate": 'Basic realm="hivematrix"'})
        await outbox.announced(self.db, client.id, self.now)
        self.set_status(204)
