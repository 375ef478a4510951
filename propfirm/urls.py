"""Pages of the propfirm app."""

from core.routes import routes_of
from propfirm import web

urlpatterns = routes_of(web)
