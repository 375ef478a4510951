"""API of the payments app, under /api/v1/."""

from core.routes import routes_of
from payments import api

urlpatterns = routes_of(api)
