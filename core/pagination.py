"""Pages of lists on the wire: `{results, page, pageSize, total, next}`."""

from typing import Any

from rest_framework.pagination import CursorPagination as DrfCursorPagination
from rest_framework.pagination import PageNumberPagination
from rest_framework.response import Response


class PagePagination(PageNumberPagination):
    """Numbered pages: `?page=2&pageSize=50` (at most 200 a page). `next` is the next page's number, or null."""

    page_query_param = "page"
    page_size_query_param = "pageSize"
    page_size = 50
    max_page_size = 200

    def get_paginated_response(self, data: Any) -> Response:
        """The page with its place."""
        assert self.page is not None
        return Response(
            {
                "results": data,
                "page": self.page.number,
                "pageSize": self.page.paginator.per_page,
                "total": self.page.paginator.count,
                "next": self.page.next_page_number() if self.page.has_next() else None,
            }
        )

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The page's OpenAPI schema."""
        whole = {"type": "integer", "example": 1}
        return {
            "type": "object",
            "required": ["results", "page", "pageSize", "total", "next"],
            "properties": {
                "results": schema,
                "page": whole,
                "pageSize": {"type": "integer", "example": 50},
                "total": whole,
                "next": {"type": "integer", "nullable": True, "example": 2},
            },
        }


class CursorPagination(DrfCursorPagination):
    """Newest first by id, for lists that grow while they are read."""

    page_size = 50
    page_size_query_param = "pageSize"
    max_page_size = 200
    ordering = "-id"
