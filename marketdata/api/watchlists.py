"""A person's watchlists."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from core.api import errors
from marketdata.api.candles import asset_row
from marketdata.selectors.instruments import instrument_get
from marketdata.selectors.watchlists import WatchlistView, watchlist_get, watchlists_of
from marketdata.serializers_assets import WatchlistIn, WatchlistItemIn, WatchlistOrderIn, WatchlistOut
from marketdata.services import watchlists


def _read(kind: type[Serializer], request: Request) -> dict[str, Any]:
    serializer = kind(data=request.data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def _row(view: WatchlistView) -> dict[str, Any]:
    items = [asset_row(item) for item in view.items]
    return {"id": view.id, "name": view.name, "position": view.position, "items": items}


def _out(view: WatchlistView, status: int = 200) -> Response:
    return Response(WatchlistOut(_row(view)).data, status=status)


class WatchlistsView(APIView):
    """All lists of the person who asks."""

    key_scope = "trade"

    @extend_schema(operation_id="watchlists_list", responses={200: WatchlistOut(many=True), **errors(401, 429)})
    def get(self, request: Request) -> Response:
        """The lists with their instruments, in the person's order; at most 20."""
        rows = [_row(view) for view in watchlists_of(int(request.user.pk or 0))]
        return Response(WatchlistOut(rows, many=True).data)

    @extend_schema(
        operation_id="watchlists_create",
        request=WatchlistIn,
        responses={201: WatchlistOut, **errors(400, 401, 409, 429)},
    )
    def post(self, request: Request) -> Response:
        """Make an empty list; names are a person's own, whatever their case."""
        name = _read(WatchlistIn, request)["name"]
        return _out(watchlists.watchlist_create(actor=request.user, name=name), 201)


class WatchlistDetailView(APIView):
    """One list, its owner's only."""

    key_scope = "trade"

    @extend_schema(operation_id="watchlists_retrieve", responses={200: WatchlistOut, **errors(401, 404, 429)})
    def get(self, request: Request, watchlist_id: int) -> Response:
        """The list with its instruments."""
        return _out(watchlist_get(int(request.user.pk or 0), watchlist_id))

    @extend_schema(
        operation_id="watchlists_rename",
        request=WatchlistIn,
        responses={200: WatchlistOut, **errors(400, 401, 404, 409, 429)},
    )
    def patch(self, request: Request, watchlist_id: int) -> Response:
        """Give the list another name."""
        name = _read(WatchlistIn, request)["name"]
        return _out(watchlists.watchlist_rename(actor=request.user, watchlist_id=watchlist_id, name=name))

    @extend_schema(operation_id="watchlists_delete", responses={204: None, **errors(401, 404, 429)})
    def delete(self, request: Request, watchlist_id: int) -> Response:
        """Delete the list."""
        watchlists.watchlist_delete(actor=request.user, watchlist_id=watchlist_id)
        return Response(status=204)


class WatchlistItemsView(APIView):
    """What is on a list."""

    key_scope = "trade"

    @extend_schema(
        operation_id="watchlists_items_add",
        request=WatchlistItemIn,
        responses={200: WatchlistOut, **errors(400, 401, 404, 409, 429)},
    )
    def post(self, request: Request, watchlist_id: int) -> Response:
        """Put an instrument at the end; one that is there already stays where it is. At most 200."""
        asset = instrument_get(_read(WatchlistItemIn, request)["asset"])
        return _out(watchlists.item_add(actor=request.user, watchlist_id=watchlist_id, instrument_id=asset.id))

    @extend_schema(
        operation_id="watchlists_items_reorder",
        request=WatchlistOrderIn,
        responses={200: WatchlistOut, **errors(400, 401, 404, 409, 429)},
    )
    def put(self, request: Request, watchlist_id: int) -> Response:
        """Put the instruments in another order: every one of them, each once."""
        ids = _read(WatchlistOrderIn, request)["items"]
        return _out(watchlists.items_reorder(actor=request.user, watchlist_id=watchlist_id, instrument_ids=ids))


class WatchlistItemView(APIView):
    """One instrument on a list."""

    key_scope = "trade"

    @extend_schema(operation_id="watchlists_items_remove", responses={200: WatchlistOut, **errors(401, 404, 429)})
    def delete(self, request: Request, watchlist_id: int, instrument_id: int) -> Response:
        """Take an instrument off the list; one that is not there changes nothing."""
        return _out(watchlists.item_remove(actor=request.user, watchlist_id=watchlist_id, instrument_id=instrument_id))
