"""Handlers of the Lambda API's operations. An operation is one row of a `rows()` table here and
one small method; its binding to HTTP and the checks of its members come from the service model."""
