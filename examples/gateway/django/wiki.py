"""A site of two pages: everybody sees the first, and the second shows who is signed in.

    python wiki.py                      behind a proxy, such as ../../../deploy/gateway/Caddyfile
    python wiki.py --without-proxy      on another port of the app's own host, for development
"""

import os
import sys

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.management import execute_from_command_line
from django.utils.crypto import get_random_string
from django.utils.html import format_html
from django.http import HttpResponse
from django.urls import path

WITHOUT_PROXY = sys.argv[1:] == ["--without-proxy"]
LISTEN = os.environ.get("LISTEN", "127.0.0.1:3000")

settings.configure(
    # The app that signs people in, and this site, as browsers reach them.
    APP_URL=os.environ.get("APP_URL", "http://localhost:8080"),
    SITE_URL=os.environ.get("SITE_URL", "http://wiki.localhost:8000"),
    ALLOWED_HOSTS=["wiki.localhost", "localhost"],
    ROOT_URLCONF=__name__,
    SECRET_KEY=get_random_string(50),
    MIDDLEWARE=["without_proxy.SignedIn" if WITHOUT_PROXY else "signed_in.SignedIn"],
)


@login_not_required
def public(_request):
    return HttpResponse("<!DOCTYPE html><title>Wiki</title><p>Everybody sees this. <a href='/me'>Who am I?</a>")


def me(request):
    page = "<!DOCTYPE html><title>Wiki</title><p>You are {} ({}).</p>"
    sign_out = "<form method='post' action='/auth/sign-out'><button>Sign out</button></form>"
    return HttpResponse(format_html(page + ("" if WITHOUT_PROXY else sign_out), request.user.name, request.user.email))


urlpatterns = [path("", public), path("me", me)]

if __name__ == "__main__":
    execute_from_command_line(["wiki.py", "runserver", "--noreload", LISTEN])
