"""Markdown as safe HTML: what is written as HTML stays text, and links lead nowhere that a browser would run."""

from functools import lru_cache

from django.utils.safestring import SafeString
from markdown_it import MarkdownIt

_READER = MarkdownIt("commonmark", {"html": False}).enable("table")


@lru_cache(maxsize=64)
def markdown_html(text: str) -> SafeString:
    """The HTML of a text. Published texts never change, so each is rendered once a process."""
    # Its HTML is off, and it escapes what it passes on.
    return SafeString(_READER.render(text))
