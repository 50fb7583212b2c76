"""Takes browsers' reports of what the content security policy stopped."""

import time

from hmlib import logs
from hmlib.auth.permissions import anyone
from hmlib.web.api_handler import ApiHandler

REPORTS_A_SECOND = 5


class PolicyReport(ApiHandler):
    """POST /csp-report: at most 8 kB, at most five a second are logged, and only the names of what was stopped."""

    body_limit = 8 * 1024
    _second, _logged = 0, 0

    @anyone
    async def post(self) -> None:
        """Answers 204, whatever the report says."""
        second = int(time.time())
        if second != PolicyReport._second:
            PolicyReport._second, PolicyReport._logged = second, 0
        PolicyReport._logged += 1
        if PolicyReport._logged <= REPORTS_A_SECOND:
            logs.event("policy report", address=self.address, bytes=len(self.request.body))
        self.set_status(204)
