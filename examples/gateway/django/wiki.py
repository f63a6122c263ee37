"""A site of two pages: everybody sees the first, and the second shows who is signed in, and adds a row to a sheet as that person.

    python wiki.py                      behind a proxy, such as ../../../deploy/gateway/Caddyfile
    python wiki.py --without-proxy      on another port of the app's own host, for development
"""

import os
import sys
from urllib.error import HTTPError, URLError

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.management import execute_from_command_line
from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.urls import path
from django.utils.crypto import get_random_string
from django.utils.html import format_html
from django.views.decorators.http import require_POST

import as_me

WITHOUT_PROXY = sys.argv[1:] == ["--without-proxy"]
LISTEN = os.environ.get("LISTEN", "127.0.0.1:3000")

settings.configure(
    # The app that signs people in, and this site, as browsers reach them.
    APP_URL=os.environ.get("APP_URL", "http://localhost:8080"),
    SITE_URL=os.environ.get("SITE_URL", "http://wiki.localhost:8000"),
    # Where rows are added.
    SHEET=os.environ.get("SHEET", "Team board"),
    ALLOWED_HOSTS=["wiki.localhost", "localhost"],
    CSRF_TRUSTED_ORIGINS=[os.environ.get("SITE_URL", "http://wiki.localhost:8000")],
    ROOT_URLCONF=__name__,
    SECRET_KEY=get_random_string(50),
    MIDDLEWARE=[
        "django.middleware.csrf.CsrfViewMiddleware",
        "without_proxy.SignedIn" if WITHOUT_PROXY else "signed_in.SignedIn",
    ],
)


@login_not_required
def public(_request):
    return HttpResponse("<!DOCTYPE html><title>Wiki</title><p>Everybody sees this. <a href='/me'>Who am I?</a>")


def me(request):
    page = format_html("<!DOCTYPE html><title>Wiki</title><p>You are {} ({}).</p>", request.user.name, request.user.email)
    if WITHOUT_PROXY:
        # The app takes assertions, and here there are none.
        return HttpResponse(page)
    add = """<form method='post' action='/rows'><input type='hidden' name='csrfmiddlewaretoken' value='{}'>
<label>What is to be done? <input name='text' required></label> <button>Add a row as me</button></form>"""
    sign_out = "<form method='post' action='/auth/sign-out'><button>Sign out</button></form>"
    return HttpResponse(page + format_html(add + sign_out, get_token(request)))


@require_POST
def rows(request):
    text = request.POST.get("text", "")
    try:
        by = as_me.add_row(request, text)
    except (URLError, TimeoutError) as error:
        # 502 and 504 of the app say that it may have been done all the same.
        if isinstance(error, HTTPError) and error.code not in (502, 504):
            return HttpResponse(f"Smartsheet, or the app before it, refused: status {error.code}.", status=502)
        return HttpResponse("There is no answer. Look at the sheet before you try again.", status=504)
    except StopIteration:
        return HttpResponse(f"You have no sheet {settings.SHEET}.", status=404, content_type="text/plain")
    return HttpResponse(format_html("<!DOCTYPE html><title>Wiki</title><p>“{}” was added by {}.</p>", text, by))


urlpatterns = [path("", public), path("me", me), *([] if WITHOUT_PROXY else [path("rows", rows)])]

if __name__ == "__main__":
    execute_from_command_line(["wiki.py", "runserver", "--noreload", LISTEN])
