"""Plans, charges and work as an MSP would name them, for the demo."""

PLANS = (("Essential", "USD"), ("Professional", "USD"), ("Complete", "USD"), ("Complete EU", "EUR"))

# In hundredths, in the order of the rates: per user, workstation, server, vm, switch, firewall, hour, then the backup rates.
RATES = (
    (1500, 1200, 7500, 5500, 800, 1500, 16500, 1500, 3500, 100, 2000),
    (3500, 1500, 9000, 6500, 1200, 2000, 15500, 2000, 4500, 100, 1800),
    (6500, 1800, 11000, 8000, 1500, 2500, 14500, 2500, 5000, 200, 1500),
    (5900, 1700, 10000, 7500, 1400, 2300, 13500, 2300, 4600, 200, 1400),
)

# Name, kind, unit price, quantity.
ITEMS = (
    ("Fibre internet 500/500", "recurring", "99.50", 1),
    ("Email security gateway", "recurring", "3.25", 25),
    ("Hosted phone line", "recurring", "14.95", 8),
    ("Onboarding of a new office", "one_off", "1250", 1),
    ("Wildcard certificate", "yearly", "189", 1),
    ("Loyalty discount", "recurring", "-25", 1),
    ("Firewall subscription renewal", "yearly", "640", 1),
    ("Cabling of the meeting room", "one_off", "385.40", 1),
    ("Security awareness training", "recurring", "2.1050", 12),
    ("Domain registration", "yearly", "18.50", 3),
    ("Replacement laptop", "one_off", "1149", 2),
    ("Goodwill for the outage", "one_off", "-150", 1),
)

WORK = (
    "Reset a locked account and checked its sign-ins",
    "Replaced a failed disk in the file server and watched the rebuild",
    "Set up a laptop for a new colleague",
    "Traced slow Wi-Fi in the back office to a channel clash",
    "Restored a deleted folder from last night's backup",
    "Moved the shared mailbox and its permissions",
    "Updated the firewall and tested the site-to-site tunnel",
    "Printer queue stuck: cleared it and replaced the driver",
    "Reviewed quarantined mail with the office manager",
    "On-site visit: patched the new desks and labelled the ports",
    "Line-of-business application would not start after an update",
    "Quarterly review of accounts and licences",
    "Investigated a phishing report and blocked the sender",
    "Extended the virtual disk of the database server",
    "Set up multi-factor sign-in for the finance team",
    "Video call room: replaced the camera and its cable",
    "Cleaned up after a failed backup job and ran it again",
)
