"""Believes the assertion of the app that signs people in, and nothing else, whatever the proxy lets through."""

from types import SimpleNamespace

import jwt
from django.conf import settings
from django.http import HttpResponse


class SignedIn:
    def __init__(self, get_response):
        self.get_response = get_response
        # Asked for again after 5 minutes, and when a key is not among them.
        self.keys = jwt.PyJWKClient(f"{settings.APP_URL}/.well-known/jwks.json", lifespan=300, timeout=5)

    def __call__(self, request):
        return self.get_response(request)

    def process_view(self, request, view, _args, _kwargs):
        # As @login_not_required marks it.
        if not getattr(view, "login_required", True):
            return None
        try:
            assertion = request.headers.get("X-Smartsheet-Assertion", "")
            claims = jwt.decode(
                assertion,
                self.keys.get_signing_key_from_jwt(assertion),
                algorithms=["ES256"],
                audience=settings.SITE_URL,
                issuer=settings.APP_URL,
                leeway=30,
                options={"require": ["aud", "exp", "iat", "iss", "sub"]},
            )
        except jwt.PyJWKClientConnectionError:
            return HttpResponse("The keys that prove who you are can't be fetched. Try again in a moment.", status=503)
        except jwt.PyJWTError:
            return HttpResponse("Nobody is signed in here.", status=401)
        request.user = SimpleNamespace(pk=claims["sub"], is_authenticated=True, is_anonymous=False, **claims)
        return None
