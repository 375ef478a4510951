"""Pages of the accounts app."""

from django.urls import path

from accounts import web

urlpatterns = [
    path("sign-up", web.sign_up, name="sign-up"),
    path("sign-in", web.sign_in, name="sign-in"),
    path("sign-out", web.sign_out, name="sign-out"),
]
