"""Tests of Wiki, over HTTP where there is something to call."""
