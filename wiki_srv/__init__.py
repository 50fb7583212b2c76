"""Wiki: what the MSP knows, for people and for machines."""
