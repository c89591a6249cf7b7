"""Called with an event, answers with anything that is JSON."""

import logging

log = logging.getLogger()
log.setLevel(logging.INFO)


def lambda_handler(event, context):
    name = event.get("name", "world")
    log.info("greeting %s, %d ms left", name, context.get_remaining_time_in_millis())
    return {"greeting": f"Hello, {name}!"}
