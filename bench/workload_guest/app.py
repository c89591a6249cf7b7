"""What real functions do, a job per event; runs as a guest and, to compare, on native CPython.

Every job is deterministic, and answers with something that shows that it was done.
"""

import hashlib
import json
import re

try:
    import jinja2
except ImportError:
    jinja2 = None
try:
    import markdown
except ImportError:
    markdown = None

_ORDERS = json.dumps(
    [
        {
            "id": number,
            "customer": {"name": f"Customer {number % 37}", "email": f"c{number % 37}@example.org"},
            "lines": [
                {"sku": f"SKU-{number * 7 % 101:04}", "quantity": 1 + number % 5, "price": 9.99}
                for _ in range(4)
            ],
            "note": "Please leave the parcel with a neighbour. " * 2,
        }
        for number in range(260)
    ]
)

_PAGE = """<!doctype html><title>{{ title }}</title><table>
{% for row in rows %}<tr class="{{ loop.cycle('odd', 'even') }}"><td>{{ row.id }}</td>
<td>{{ row.name|title }}</td><td>{{ "%.2f"|format(row.price) }}</td>
<td>{% if row.tags %}{{ row.tags|join(", ") }}{% else %}none{% endif %}</td></tr>
{% endfor %}</table>"""

_TEXT = "\n\n".join(
    f"""## Section {number}

A paragraph with *emphasis*, **strength**, `code` and a [link](https://example.org/{number}).
It goes on for a second line, so that there is something to wrap.

- one item
- another one with `code`
    - nested

> A quotation.

    indented code
"""
    for number in range(20)
)

_LINES = "\n".join(
    f"10.0.{number % 256}.{number * 7 % 256} - - [10/Oct/2026:13:{number % 60:02}:36 +0000] "
    f'"GET /items/{number % 97}?page={number % 11} HTTP/1.1" {(200, 200, 404, 500)[number % 4]} '
    f'{number * 131 % 65536} "-" "Mozilla/5.0 (X11; Linux x86_64)"'
    for number in range(2000)
)
_LINE = re.compile(
    r'(?P<host>\S+) \S+ \S+ \[(?P<time>[^\]]+)\] "(?P<method>[A-Z]+) (?P<path>[^ "]+) [^"]*" '
    r'(?P<status>\d{3}) (?P<size>\d+|-) "[^"]*" "(?P<agent>[^"]*)"'
)
_MEGABYTE = bytes(range(256)) * 4096

_TEMPLATE = jinja2 and jinja2.Environment(autoescape=True).from_string(_PAGE)


def json_transform():
    """Some 100 KB: parse, group, sum up, write."""
    totals = {}
    for order in json.loads(_ORDERS):
        total = sum(line["quantity"] * line["price"] for line in order["lines"])
        customer = totals.setdefault(order["customer"]["email"], {"orders": [], "total": 0.0})
        customer["orders"].append({**order, "total": round(total, 2)})
        customer["total"] += total
    return json.dumps(totals, sort_keys=True)


def jinja2_page():
    rows = [
        {"id": n, "name": f"item number {n}", "price": n * 1.25, "tags": ["a<b", "c"][: n % 3]}
        for n in range(200)
    ]
    return _TEMPLATE.render(title="Items & more", rows=rows)


def markdown_page():
    return markdown.markdown(_TEXT)


def log_regex():
    statuses, sizes = {}, {}
    for line in _LINES.splitlines():
        found = _LINE.match(line)
        status, path = found["status"], found["path"].partition("?")[0]
        statuses[status] = statuses.get(status, 0) + 1
        sizes[path] = sizes.get(path, 0) + int(found["size"])
    return json.dumps([statuses, sizes], sort_keys=True)


def sha256_1mb():
    return hashlib.sha256(_MEGABYTE).hexdigest()


def nbody():
    """Five bodies that attract one another: floating-point arithmetic on attributes and lists."""
    bodies = [
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 39.478],
        [4.841, -1.160, -0.1036, 0.606, 2.812, -0.0252, 0.0377],
        [8.343, 4.125, -0.4035, -1.011, 1.826, 0.0084, 0.0113],
        [12.894, -15.111, -0.2233, 1.083, 0.869, -0.0108, 0.0017],
        [15.380, -25.919, 0.1793, 0.979, 0.594, -0.0347, 0.0020],
    ]
    pairs = [(a, b) for index, a in enumerate(bodies) for b in bodies[index + 1 :]]
    for _ in range(1000):
        for a, b in pairs:
            dx, dy, dz = a[0] - b[0], a[1] - b[1], a[2] - b[2]
            magnitude = 0.001 / (dx * dx + dy * dy + dz * dz) ** 1.5
            for body, other, sign in ((a, b, -1.0), (b, a, 1.0)):
                pull = sign * other[6] * magnitude
                body[3] += dx * pull
                body[4] += dy * pull
                body[5] += dz * pull
        for body in bodies:
            body[0] += 0.001 * body[3]
            body[1] += 0.001 * body[4]
            body[2] += 0.001 * body[5]
    return " ".join(f"{body[0]:.6f}" for body in bodies)


def pidigits():
    """Digits of pi by a spigot: arithmetic on long integers."""
    digits = []
    q, r, t, k, m, x = 1, 0, 1, 1, 3, 3
    while len(digits) < 400:
        if 4 * q + r - t < m * t:
            digits.append(str(m))
            q, r, m = 10 * q, 10 * (r - m * t), 10 * (3 * q + r) // t - 10 * m
        else:
            q, r, t, k, m, x = (
                q * k,
                (2 * q + r) * x,
                t * x,
                k + 1,
                (q * (7 * k + 2) + r * x) // (t * x),
                x + 2,
            )
    return "".join(digits)


JOBS = {
    job.__name__: job
    for job in (
        json_transform,
        jinja2_page,
        markdown_page,
        log_regex,
        sha256_1mb,
        nbody,
        pidigits,
    )
}


def lambda_handler(event, context):
    """Do one job; the digest of what came out."""
    result = JOBS[event["job"]]()
    return {"characters": len(result), "digest": hashlib.sha256(result.encode()).hexdigest()}
