"""What Treasury's handlers need besides what those of every service do."""

from dataclasses import dataclass

from treasury_srv.invoices.bills import Bills


@dataclass(frozen=True)
class TreasuryParts:
    """Made in make_app, read by ``self.spine.own(TreasuryParts)``."""

    bills: Bills
