"""Pages of the payments app."""

from core.routes import routes_of
from payments import web

# The addresses of providers' own pages before the general ones.
urlpatterns = routes_of(web, reverse=True)
