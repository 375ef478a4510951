"""Every address of the site. Apps own theirs; here they only get their place."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from accounts.web.entrance import admin_sign_in
from core.web import page_not_found
from payments.admin.dashboard import dashboard
from propfirm.admin.dashboard import dashboard as firm_dashboard

handler400 = "core.web.bad_request"
handler403 = "core.web.permission_denied"
handler404 = "core.web.page_not_found"
handler500 = "core.web.server_error"

# Trading first: its orders are the most frequent request, and addresses are tried in this order.
APPS = ["trading", "marketdata", "contests", "propfirm", "ai_strategies", "payments", "accounts", "core"]

urlpatterns = [
    # Django's own admin sign-in is not throttled; this one is.
    path("admin/login/", admin_sign_in),
    # Changing a password proves who asks, ends the other sign-ins, and is told: only our own page does that.
    path("admin/password_change/", RedirectView.as_view(url="/settings/security/password")),
    path("admin/payments/dashboard", admin.site.admin_view(dashboard), name="money-dashboard"),
    path("admin/propfirm/dashboard", admin.site.admin_view(firm_dashboard), name="firm-dashboard"),
    path("admin/", admin.site.urls),
    path("api/schema", SpectacularAPIView.as_view(), name="schema"),
    path("api/schema/", SpectacularAPIView.as_view()),
    path("api/docs", SpectacularSwaggerView.as_view(url_name="schema"), name="api-docs"),
    path("api/docs/", SpectacularSwaggerView.as_view(url_name="schema")),
    *[path("api/v1/", include(f"{app}.api_urls")) for app in APPS],
    *[path("", include(f"{app}.urls")) for app in APPS],
    # In local mode Django would show its own page for unknown addresses, to API clients too.
    re_path(r"", page_not_found),
]
