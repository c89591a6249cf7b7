"""Says hello: to the `name` of the event or, over HTTP, of the query string."""


def lambda_handler(event, context):
    query = event.get("queryStringParameters") or {}
    name = event.get("name") or query.get("name") or "world"
    print(f"greeting {name}")
    return {"greeting": f"Hello, {name}!", "requestId": context.aws_request_id}
