"""SQS: an endpoint for the built-in queue, in the JSON protocol and in the query protocol."""
