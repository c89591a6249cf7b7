"""Serves a Markdown file as a web page, with libraries and files from the package."""

import sys
from importlib import resources
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "vendor"))

import jinja2
import markdown
from markdown.extensions.fenced_code import FencedCodeExtension
from markdown.extensions.tables import TableExtension
from markdown.extensions.toc import TocExtension

PAGES = resources.files("pages")
TEMPLATE = jinja2.Environment(autoescape=True).from_string(
    PAGES.joinpath("page.html").read_text(encoding="utf-8")
)


def lambda_handler(event, context):
    method, path = event["requestContext"]["http"]["method"], event["rawPath"]
    if method not in ("GET", "HEAD"):
        return answer(405, "text/plain", "Only GET is served here.\n", allow="GET, HEAD")
    if path == "/":
        return answer(200, "text/html", page(read("README.md")))
    if path == "/raw":
        return answer(200, "text/markdown", read("README.md"))
    return answer(404, "text/plain", "There is no such page; try / or /raw.\n")


def read(name):
    return PAGES.joinpath(name).read_text(encoding="utf-8")


def page(text):
    """The HTML page for the Markdown *text*, titled by its first heading."""
    toc = TocExtension(toc_depth="1-3")
    converter = markdown.Markdown(extensions=[FencedCodeExtension(), TableExtension(), toc])
    content, headings = converter.convert(text), converter.toc_tokens
    title = headings[0]["name"] if headings else "Untitled"
    return TEMPLATE.render(title=title, headings=headings, content=content)


def answer(status, media_type, body, **headers):
    headers["content-type"] = f"{media_type}; charset=utf-8"
    return {"statusCode": status, "headers": headers, "body": body}
