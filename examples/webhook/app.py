"""Receives webhooks that are signed as GitHub signs them: HMAC-SHA256 over the raw body."""

import base64
import hashlib
import hmac
import json
import os

SECRET = os.environ["WEBHOOK_SECRET"].encode()
if not SECRET:
    raise RuntimeError("WEBHOOK_SECRET is empty: everybody could sign for it")


def lambda_handler(event, context):
    headers = event["headers"]
    body = raw_body(event)
    if event["requestContext"]["http"]["method"] != "POST":
        return answer(405, {"error": "webhooks are sent with POST"})
    if not is_signed(body, headers.get("x-hub-signature-256", "")):
        print("rejected: the signature does not match")
        return answer(401, {"error": "the signature does not match"})
    name = headers.get("x-github-event", "unknown")
    print(f"accepted: {name}, {len(body)} bytes")
    return answer(200, {"event": name, "bytes": len(body)})


def raw_body(event):
    """The bytes that were sent; Lambda gives those that are not text in base64."""
    body = event.get("body") or ""
    return base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()


def is_signed(body, signature):
    expected = "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.encode())


def answer(status, body):
    headers = {"content-type": "application/json"}
    return {"statusCode": status, "headers": headers, "body": json.dumps(body)}
