"""Answers HTTP requests. The event and the answer are those of a Lambda function URL."""

import base64
import json


def lambda_handler(event, context):
    request = event["requestContext"]["http"]
    match request["method"], event["rawPath"]:
        case "GET", "/":
            return page("<h1>It works</h1><p>Try <code>/hello?name=Ada</code>.</p>")
        case "GET", "/hello":
            name = event.get("queryStringParameters", {}).get("name", "world")
            return answer(200, {"greeting": f"Hello, {name}!"})
        case "POST", "/echo":
            return echo(event)
        case method, path:
            return answer(404, {"error": f"there is no {method} {path}"})


def echo(event):
    try:
        return answer(200, {"you_sent": json.loads(body(event))})
    except ValueError as error:
        return answer(400, {"error": f"the body is not JSON: {error}"})


def body(event):
    """The bytes of the request's body; what is not text comes in base64."""
    text = event.get("body", "")
    return base64.b64decode(text) if event["isBase64Encoded"] else text.encode()


def answer(status, value):
    headers = {"content-type": "application/json"}
    return {"statusCode": status, "headers": headers, "body": json.dumps(value)}


def page(html):
    headers = {"content-type": "text/html; charset=utf-8"}
    return {"statusCode": 200, "headers": headers, "body": html}
