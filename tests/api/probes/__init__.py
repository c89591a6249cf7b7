"""Requests from the service model: each of its constraints at its boundary, and one past it."""
