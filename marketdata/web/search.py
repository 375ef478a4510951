"""The search box of every page, and its page for whoever has no script."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from marketdata.pages.board import with_live
from marketdata.pages.search import MAX_QUERY, search
from marketdata.web.common import conditional

PAGE_RESULTS = 40


def _query(request: HttpRequest) -> str:
    return request.GET.get("q", "").replace("\0", "").strip()[:MAX_QUERY]


@require_safe
def search_page(request: HttpRequest) -> HttpResponse:
    """The instruments that fit what was typed."""
    query = _query(request)
    context = {"query": query, "results": with_live(search(query, PAGE_RESULTS))}
    return render(request, "marketdata/search.html", context)


@require_safe
@conditional
def search_suggest(request: HttpRequest) -> HttpResponse:
    """The first few of them, as options of the search box."""
    query = _query(request)
    answer = render(request, "marketdata/_options.html", {"query": query, "results": search(query)})
    answer["Cache-Control"] = "public, max-age=30"
    return answer
