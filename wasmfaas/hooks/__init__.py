"""Webhook triggers: how senders sign, and what S3-style notifications say. Pure."""
