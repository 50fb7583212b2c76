"""PyJWT with the payload read by a function of ours, which is no setting of its own."""

from collections.abc import Callable
from typing import Any

import jwt

READ_AGAINST = "2.15.1"


class PayloadJWT(jwt.PyJWT):
    """``payload_of`` reads the payload's bytes. Raises jwt.DecodeError when it raises ValueError."""

    def __init__(self, payload_of: Callable[[bytes], dict[str, Any]]) -> None:
        super().__init__()
        self._payload_of = payload_of

    def _decode_payload(self, decoded: dict[str, Any]) -> dict[str, Any]:
        try:
            return self._payload_of(decoded["payload"])
        except ValueError as error:
            raise jwt.DecodeError("payload") from error
