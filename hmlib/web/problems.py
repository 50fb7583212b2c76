"""What can go wrong, in words that may be shown: problems as RFC 9457 has them."""

from collections.abc import Mapping
from http import HTTPStatus

from tornado.web import HTTPError

from hmlib.auth.jwks import KeysAway
from hmlib.db.engine import Conflict, DatabaseDown
from hmlib.db.list_query import BadListQuery
from hmlib.db.sql import Unstorable
from hmlib.errors import Invalid, NotAllowed, Stale, Taken
from hmlib.json import Malformed
from hmlib.nexus.transport import NexusDown, NexusRefused
from hmlib.web.requests import BadRequest


class Problem(Exception):
    """An answer in the form of RFC 9457: HTTP status, a word for programs, one sentence, and further members."""

    def __init__(self, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None, **more: object) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.more = status, code, detail, more
        self.headers = dict(headers or {})


def problem_of(error: BaseException | None) -> Problem:
    """What went wrong, in words that may be shown. Only named errors speak; everything else is a plain 500."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, BadRequest):
        return Problem(error.status, error.code, error.detail)
    if isinstance(error, Malformed):
        return Problem(400, error.code, error.detail, pointer=error.pointer)
    if isinstance(error, Unstorable):
        return Problem(400, "invalid_value", "A text holds a NUL character, or a number is too large.")
    if isinstance(error, BadListQuery):
        return Problem(400, error.code, str(error))
    if isinstance(error, (Invalid, NotAllowed, Stale)):
        return _refused(error)
    if isinstance(error, Conflict):
        return Problem(409, "conflict", "That would break a rule of the data, such as a name being unique.")
    if isinstance(error, (NexusDown, KeysAway)):
        return Problem(503, "nexus_away", "Nexus does not answer at the moment. Nothing is lost; try again shortly.", retry_after=5)
    if isinstance(error, DatabaseDown):
        return Problem(503, "database_away", "The database does not answer at the moment.", retry_after=5)
    if isinstance(error, NexusRefused):
        return _not_granted(error)
    if isinstance(error, HTTPError) and error.status_code < 500:
        return Problem(error.status_code, word(error.status_code), error.reason or sentence(error.status_code))
    return Problem(500, "internal_error", "Something went wrong on our side. The request id helps to find it.")


def _not_granted(error: NexusRefused) -> Problem:
    """A right that is lacking is 403, of whomever; that the module itself is not known to Nexus is nobody's who asks."""
    if error.code == "invalid_client":
        return Problem(502, "nexus_refused", "Nexus does not know this service's credentials. An administrator can run: hm doctor")
    if error.status == 429:
        return Problem(503, "nexus_busy", "Nexus is asked too much at the moment. Try again shortly.", retry_after=5)
    if 400 <= error.status < 500:
        return Problem(403, "nexus_refused", "Nexus did not allow this.")
    return Problem(502, "nexus_refused", "Nexus could not answer this.")


def _refused(error: Invalid | NotAllowed | Stale) -> Problem:
    if isinstance(error, Invalid):
        status, code = (409, "conflict") if isinstance(error, Taken) else (422, "invalid")
        whole = error.errors.get("") if len(error.errors) == 1 else None
        return Problem(status, code, whole or "Some fields cannot be saved.", errors=error.errors)
    if isinstance(error, NotAllowed):
        return Problem(error.status, error.code, error.detail)
    return Problem(412, "stale", "It has changed since you read it.")


def word(status: int) -> str:
    return sentence(status).lower().replace(" ", "_").replace("-", "_")


def sentence(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
