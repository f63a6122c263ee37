"""Asks the app who is signed in, with the cookie that the browser has of it. For development, without any proxy.

It works only where the browser sends the app's cookie here, too: this site and the app have the same host name and differ in
the port, such as http://localhost:8080 and http://localhost:3000. Each request waits for a call to the app. And this site holds
the person's cookie of the app while it asks, so that it could do there whatever they could: never do this with a site that you
would not trust with that. A site behind a proxy gets neither (see ../../../deploy/gateway).
"""

import json
import urllib.error
import urllib.request
from types import SimpleNamespace

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect

COOKIES = ("session", "__Host-session")


class SignedIn:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_view(self, request, view, _args, _kwargs):
        if not getattr(view, "login_required", True):
            return None
        cookies = "; ".join(f"{name}={request.COOKIES[name]}" for name in COOKIES if name in request.COOKIES)
        ask = urllib.request.Request(f"{settings.APP_URL}/auth/session", headers={"Cookie": cookies})
        try:
            with urllib.request.urlopen(ask, timeout=15) as answer:
                user = json.load(answer)["user"]
        except urllib.error.HTTPError as error:
            if error.code == 401:
                return redirect(f"{settings.APP_URL}/login")
            return HttpResponse("The app that signs people in refuses.", status=403 if error.code == 403 else 503)
        except (OSError, ValueError, KeyError):
            return HttpResponse("The app that signs people in does not answer. Try again in a moment.", status=503)
        request.user = SimpleNamespace(pk=user["id"], is_authenticated=True, is_anonymous=False, **user)
        return None
