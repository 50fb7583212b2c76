"""What Nexus's handlers need besides what those of every service do."""

from dataclasses import dataclass

from nexus_srv.identity.sign_in import SignIn
from nexus_srv.oauth.grants import Grants
from nexus_srv.oauth.signing_keys import Signer
from nexus_srv.oauth.token_issuer import Issuer


@dataclass(frozen=True)
class NexusParts:
    """Made in make_app, read by ``self.spine.own(NexusParts)``."""

    signer: Signer
    issuer: Issuer
    grants: Grants
    sign_in: SignIn
