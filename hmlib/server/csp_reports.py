"""Takes browsers' reports of what the content security policy stopped."""

import time

from hmlib import logs
from hmlib.auth.permissions import anyone
from hmlib.web.api_handler import ApiHandler

REPORTS_A_SECOND = 5


class ReportLimit:
    """How many reports one application logs in a second."""

    def __init__(self) -> None:
        self._second, self._logged = 0, 0

    def admits(self, second: int) -> bool:
        """Whether one more may be logged in this second."""
        if second != self._second:
            self._second, self._logged = second, 0
        self._logged += 1
        return self._logged <= REPORTS_A_SECOND


class PolicyReport(ApiHandler):
    """POST /csp-report: at most 8 kB, at most five a second are logged, and only the names of what was stopped."""

    body_limit = 8 * 1024

    @anyone
    async def post(self) -> None:
        """Answers 204, whatever the report says."""
        if self.spine.own(ReportLimit).admits(int(time.time())):
            logs.event("policy report", address=self.address, bytes=len(self.request.body))
        self.set_status(204)
