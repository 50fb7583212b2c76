"""Posts logout tokens to clients (OpenID Connect Back-Channel Logout) and says in words what came of each."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import msgspec
import pycurl
from tornado.curl_httpclient import CurlAsyncHTTPClient
from tornado.httpclient import HTTPClientError, HTTPRequest

from hmlib import metrics
from hmlib.auth.jwt import LOGOUT
from hmlib.clock import new_id
from hmlib.config import Settings
from hmlib.jobs.deliveries import Message
from hmlib.jobs.outbox import Answer
from nexus_srv.oauth import outbound_http
from nexus_srv.oauth.outbound_http import Blocked
from nexus_srv.oauth.signing_keys import Signer
from nexus_srv.queries.outbox import Event, Receiver

TOKEN_SECONDS = 120
CONNECT_SECONDS = 1.0
CALL_SECONDS = 5.0
MOST_ANSWER_BYTES = 64 * 1024
MOST_LOOKUPS = 32
UNKNOWN = "It did not answer in a way that can be understood."
REASONS = {
    pycurl.E_COULDNT_RESOLVE_HOST: "The host of this address is not known.",
    pycurl.E_COULDNT_CONNECT: "Nothing listens at this address.",
    pycurl.E_OPERATION_TIMEDOUT: "It did not answer in time.",
    pycurl.E_SSL_CONNECT_ERROR: "No TLS connection could be made.",
    pycurl.E_PEER_FAILED_VERIFICATION: "Its certificate is not one we trust.",
    pycurl.E_GOT_NOTHING: "It closed the connection without an answer.",
    pycurl.E_RECV_ERROR: "The connection broke.",
    pycurl.E_SEND_ERROR: "The connection broke.",
    pycurl.E_PARTIAL_FILE: "The connection broke.",
    pycurl.E_WRITE_ERROR: "Its answer was longer than 64 kB.",
}


class Backchannel:
    """Two sets of connections: modules are trusted by the suite's own authority, everybody else by the system's.

    They must not share: a curl handle keeps the authority of the last call that named one.
    """

    def __init__(self, signer: Signer, settings: Settings, at_once: int) -> None:
        self._signer, self._settings = signer, settings
        self._modules, self._others = (
            CurlAsyncHTTPClient(force_instance=True, max_clients=at_once, max_body_size=MOST_ANSWER_BYTES) for _ in range(2)
        )
        self._lookups = ThreadPoolExecutor(MOST_LOOKUPS, "lookup")  # our own: a name server that hangs holds up nobody else

    def close(self) -> None:
        self._lookups.shutdown(wait=False, cancel_futures=True)
        self._modules.close()
        self._others.close()

    async def tell(self, client: Receiver, message: Message) -> Answer:
        """What came of it. No network error is raised: it is an answer."""
        try:
            find = outbound_http.resolved if client.module else outbound_http.checked
            host = await find(client.logout_uri, self._lookups)
            request = self._request(client, await self._signer.sign(LOGOUT, _claims(message)), host)
            answer = await (self._modules if client.module else self._others).fetch(request, raise_error=False)
        except Blocked as blocked:
            return _answer("down", str(blocked))
        except HTTPClientError as error:  # Tornado raises what is not an answer even so
            return _answer("down", REASONS.get(getattr(error, "errno", 0), UNKNOWN))
        if answer.code in (200, 204):
            return _answer("taken", "")
        return _answer("down" if answer.code >= 500 or answer.code == 429 else "refused", f"It answered {answer.code}.")

    def _request(self, client: Receiver, token: str, host: str) -> HTTPRequest:
        return HTTPRequest(
            client.logout_uri,
            method="POST",
            body=urlencode({"logout_token": token}),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            connect_timeout=CONNECT_SECONDS,
            request_timeout=CALL_SECONDS,
            follow_redirects=False,
            ca_certs=self._settings.authority if client.module else None,
            prepare_curl_callback=lambda curl: curl.setopt(pycurl.RESOLVE, [host]),
        )


def _answer(result: str, error: str) -> Answer:
    metrics.CALLS.labels("outbox", result).inc()
    return Answer(error, result == "down")


def _claims(message: Message) -> dict[str, Any]:
    """A logout token (OpenID Connect Back-Channel Logout 2.4), new for each attempt, as a receiver takes each jti once."""
    at, told = int(time.time()), msgspec.json.decode(message.body, type=Event)
    whom = {"sub": told.account_id, "sid": told.sid}
    what = {"at": message.created_at, "jti": told.jti, "client_id": told.ended_client}
    events = {told.event: {name: value for name, value in what.items() if value}}
    said = {"aud": message.target, "iat": at, "exp": at + TOKEN_SECONDS, "jti": new_id(), "events": events}
    return said | {name: value for name, value in whom.items() if value}
