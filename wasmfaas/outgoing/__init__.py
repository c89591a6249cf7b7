"""Requests to places that users name: where they may lead, held where the connection is made."""
