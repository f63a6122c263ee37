"""requests-oauthlib, with what Smartsheet asks of it beyond RFC 6749: the hash, and its sample answers."""

import json
import os
import time
from urllib.parse import parse_qs, urlencode, urlsplit

from oauthlib.oauth2 import (
    AccessDeniedError,
    InvalidClientError,
    InvalidGrantError,
    InvalidScopeError,
    MismatchingStateError,
    OAuth2Error,
)
from requests_oauthlib import OAuth2Session

from sandbox import CLIENT_ID, CLIENT_SECRET, REDIRECT_URL, SandboxTest, hash_of

# The sandbox speaks HTTP, on this machine.
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
WRONG_SECRET = CLIENT_SECRET + "x"


def hash_of_code(url, headers, request):
    """Compliance hook: the hash instead of the secret."""
    fields = request["data"]
    fields.pop("client_secret", None)
    fields["hash"] = hash_of(fields["code"])
    return url, headers, request


def hash_of_refresh_token(url, headers, body):
    """Compliance hook: likewise, for a refresh."""
    fields = {name: values[0] for name, values in parse_qs(body).items()}
    fields.pop("client_secret", None)
    fields["hash"] = hash_of(fields["refresh_token"])
    return url, headers, urlencode(fields)


def wrap(answer):
    """What Smartsheet's samples show: the pair inside of `token`."""
    if answer.ok:
        answer._content = json.dumps({"token": answer.json()}).encode()
    return answer


def unwrap(answer):
    """Compliance hook: the pair, wherever it is."""
    body = answer.json()
    answer._content = json.dumps(body.get("token", body)).encode()
    return answer


class WebApplicationTest(SandboxTest):
    def setUp(self):
        super().setUp()
        self.token_url = self.sandbox.api + "/token"
        self.me = self.sandbox.api + "/users/me"
        self.stored = []

    def session(self, hooks=(), scope=("READ_SHEETS", "WRITE_SHEETS"), **options):
        session = OAuth2Session(CLIENT_ID, redirect_uri=REDIRECT_URL, scope=list(scope), **options)
        for kind, hook in hooks:
            session.register_compliance_hook(kind, hook)
        return session

    def hashing(self, *more, **options):
        hooks = [("access_token_request", hash_of_code), ("refresh_token_request", hash_of_refresh_token)]
        return self.session([*hooks, *more], **options)

    def refreshing(self):
        return self.hashing(
            auto_refresh_url=self.token_url,
            auto_refresh_kwargs={"client_id": CLIENT_ID},
            token_updater=self.stored.append,
        )

    def returned(self, session, **decision):
        url, _ = session.authorization_url(self.sandbox.url + "/b/authorize")
        return self.sandbox.decide(url, **decision)

    def fetch(self, session, location=None, **proof):
        location = location or self.returned(session)
        return session.fetch_token(
            self.token_url, authorization_response=location, include_client_id=True, timeout=10, **proof
        )

    def refused(self, kind, call, *args, **options):
        self.sandbox.seen()
        with self.assertRaises(kind):
            call(*args, **options)
        return self.sandbox.seen()


class WebApplication(WebApplicationTest):
    def test_client_secret(self):
        """requests-oauthlib: the web application flow as it comes, with the secret in the form"""
        session = self.session()
        token = self.fetch(session, client_secret=CLIENT_SECRET)
        self.assertEqual((token["token_type"], token["expires_in"]), ("bearer", 604799))
        self.assertEqual(session.get(self.me).json()["email"], "grace.hopper@example.com")

    def test_query_string(self):
        """requests-oauthlib: the parameters may be in the query string"""
        session = self.session()
        self.fetch(session, client_secret=CLIENT_SECRET, force_querystring=True)
        self.assertEqual(session.get(self.me).status_code, 200)

    def test_hash(self):
        """requests-oauthlib: a compliance hook sends the hash instead of the secret"""
        session = self.hashing()
        self.fetch(session)
        self.assertEqual(session.get(self.me).status_code, 200)
        old = dict(session.token)
        session.refresh_token(self.token_url, client_id=CLIENT_ID)
        for name in ["access_token", "refresh_token"]:
            self.assertNotEqual(session.token[name], old[name])

    def test_wrapped(self):
        """requests-oauthlib: a hook that unwraps {"token": …} copes with the flat answer, and with the wrapped one"""
        kinds = ["access_token_response", "refresh_token_response"]
        for hook in [unwrap, lambda answer: unwrap(wrap(answer))]:
            session = self.hashing(*[(kind, hook) for kind in kinds])
            self.fetch(session)
            session.refresh_token(self.token_url, client_id=CLIENT_ID)
            self.assertEqual(session.get(self.me).status_code, 200)

    def test_state(self):
        """requests-oauthlib: the state comes back byte for byte, the registered URL's own query is kept"""
        state = "a b+c%20&d=é/?#\"'<>|~"
        session = self.session(state=state)
        location = self.returned(session)
        query = parse_qs(urlsplit(location).query)
        self.assertEqual((query["state"], query["tenant"]), ([state], ["7"]))
        self.assertEqual(query["expires_in"], ["600000"])
        self.fetch(session, location, client_secret=CLIENT_SECRET)
        other = self.session(state="another")
        seen = self.refused(MismatchingStateError, self.fetch, other, location, client_secret=CLIENT_SECRET)
        self.assertEqual(seen, [])

    def test_deny(self):
        """requests-oauthlib: Deny arrives as AccessDeniedError, before any request"""
        session = self.session()
        denied = self.returned(session, decision="deny")
        self.assertEqual(self.refused(AccessDeniedError, self.fetch, session, denied), [])

    def test_invalid_scope(self):
        """requests-oauthlib: a scope that does not exist arrives as InvalidScopeError"""
        session = self.session(scope=["READ_SHEETS", "READ_MINDS"])
        self.assertEqual(self.refused(InvalidScopeError, self.fetch, session), [])

    def test_expired_code(self):
        """requests-oauthlib: an expired code arrives as InvalidGrantError"""
        session = self.hashing()
        location = self.returned(session)
        self.sandbox.control("POST", "expire", what="codes")
        seen = self.refused(InvalidGrantError, self.fetch, session, location)
        self.assertEqual(seen, ["POST /token 400"])

    def test_used_code(self):
        """requests-oauthlib: a used code arrives as InvalidGrantError, and what it issued is revoked"""
        session = self.hashing()
        location = self.returned(session)
        self.fetch(session, location)
        again = self.hashing(state=session._state)
        self.refused(InvalidGrantError, self.fetch, again, location)
        answer = session.get(self.me)
        self.assertEqual((answer.status_code, answer.json()["errorCode"]), (401, 1002))

    def test_authentication(self):
        """requests-oauthlib: no, a wrong or two kinds of client authentication are told apart"""
        session = self.session()
        location = self.returned(session)
        self.refused(InvalidClientError, self.fetch, session, location, client_secret=WRONG_SECRET)
        for proof in [{}, {"client_secret": CLIENT_SECRET, "hash": "0" * 64}]:
            with self.assertRaises(OAuth2Error) as caught:
                self.fetch(session, location, **proof)
            self.assertEqual(caught.exception.error, "invalid_request")
        self.refused(InvalidGrantError, self.fetch, session, location, hash="0" * 64)
        # None of these used the code up.
        self.fetch(session, location, client_secret=CLIENT_SECRET)

    def test_refused_refresh(self):
        """requests-oauthlib: a refresh token that was used, or revoked, arrives as InvalidGrantError"""
        session = self.hashing()
        used = self.fetch(session)["refresh_token"]
        session.refresh_token(self.token_url, client_id=CLIENT_ID)
        refresh = session.refresh_token
        self.refused(InvalidGrantError, refresh, self.token_url, refresh_token=used, client_id=CLIENT_ID)
        self.assertEqual(session.get(self.me).status_code, 200)
        self.assertEqual(session.delete(self.token_url).json(), {"resultCode": 0, "message": "SUCCESS"})
        self.refused(InvalidGrantError, refresh, self.token_url, client_id=CLIENT_ID)

    def test_revoke_all(self):
        """requests-oauthlib: deleteAllForApiClient revokes every grant of this user, and nobody else's"""
        first, second, other = self.hashing(), self.hashing(), self.hashing()
        self.fetch(first)
        self.fetch(second)
        self.fetch(other, self.returned(other, user="minimal"))
        first.delete(self.token_url, params={"deleteAllForApiClient": "true"}).raise_for_status()
        self.assertEqual([s.get(self.me).status_code for s in (first, second, other)], [401, 401, 200])

    def test_stored_token(self):
        """requests-oauthlib: a token that was stored is refreshed once it has expired, and stored anew"""
        session = self.refreshing()
        token = self.fetch(session)
        session = self.refreshing()
        session.token = {**token, "expires_at": time.time() - 1}
        self.sandbox.seen()
        self.assertEqual(session.get(self.me).status_code, 200)
        self.assertEqual(self.sandbox.seen(), ["POST /token 200", "GET /users/me 200"])
        self.assertEqual(len(self.stored), 1)
        self.assertNotEqual(self.stored[0]["refresh_token"], token["refresh_token"])


class Lifetimes(WebApplicationTest):
    flags = ("--access-token-lifetime", "2s", "--code-lifetime", "1s")

    def test_automatic_refresh(self):
        """requests-oauthlib: tokens of --access-token-lifetime 2s are refreshed in time, again and again"""
        session = self.refreshing()
        first = self.fetch(session)
        self.assertEqual(first["expires_in"], 1)
        self.sandbox.seen()
        for count in (1, 2):
            # The library rounds to whole seconds.
            time.sleep(1.6)
            self.assertEqual(session.get(self.me).status_code, 200)
            self.assertEqual(len(self.stored), count)
        self.assertEqual(self.sandbox.seen(), ["POST /token 200", "GET /users/me 200"] * 2)
        self.assertEqual(len({token["access_token"] for token in [first, *self.stored]}), 3)

    def test_code_lifetime(self):
        """requests-oauthlib: a code of --code-lifetime 1s says so in milliseconds, and has expired after it"""
        session = self.hashing()
        location = self.returned(session)
        self.assertIn("expires_in=1000&", location)
        time.sleep(1.1)
        self.refused(InvalidGrantError, self.fetch, session, location)

