"""The built-in queue: what SQS promises of queues and messages, on our database.

`queues.MessageQueues` is what the rest of the server uses.
"""
