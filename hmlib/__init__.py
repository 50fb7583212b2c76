"""What the services of HiveMatrix share: the ground each of them stands on."""
