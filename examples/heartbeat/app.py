"""Runs every minute by itself, and tells whoever asks how often it did."""

import json

from wasmfaas import kv


def lambda_handler(event, context):
    if "requestContext" in event:
        return json.loads(kv.get("beats") or "{}")
    beats = json.loads(kv.get("beats") or '{"count": 0}')
    beats = {"count": beats["count"] + 1, "last": event["at"]}
    kv.set("beats", json.dumps(beats))
    print(f"beat {beats['count']}")
    return beats
