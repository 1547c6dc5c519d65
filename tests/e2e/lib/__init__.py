"""Helpers of the end-to-end tests: the server under test, real clients, and what judges them."""
