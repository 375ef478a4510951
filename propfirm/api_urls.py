"""API of the propfirm app, under /api/v1/."""

from core.routes import routes_of
from propfirm import api

urlpatterns = routes_of(api)
