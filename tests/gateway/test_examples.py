"""The sites of examples/gateway believe the assertion, and nothing else."""

import pathlib
import re
import sys
import time
import unittest
from urllib.parse import urlencode

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

import proxies
from parts import HERE, NAVIGATION, Browser, Process, free_ports, start_app

APP = sys.argv[1]
EXAMPLES = HERE.parent.parent / "examples" / "gateway"
CALLS = "GET /sheets, GET /sheets/{id}, POST /sheets/{id}/rows"
FORGED = [("Remote-User", "1"), ("Remote-Email", "mallory@example.com"), ("Remote-Name", "Mallory"), ("Remote-Groups", "all")]


def unprotected(name, text):
    """The proxy asks nobody, and lets through what a client claims to be."""
    if name != "nginx.conf":
        return text
    lines = [line for line in text.splitlines() if not line.strip().startswith(("auth_request", "error_page"))]
    lines = [line for line in lines if "proxy_set_header Remote-" not in line and "X-Smartsheet" not in line]
    return "\n".join(lines).replace("underscores_in_headers off", "underscores_in_headers on")


class Example:
    """The tests of one example, behind the shipped nginx.conf."""

    def command(self):
        raise NotImplementedError

    def setUp(self):
        self.ports = free_ports(3)
        self.app_url = f"http://localhost:{self.ports[1]}"
        self.site_url = f"http://wiki.localhost:{self.ports[0]}"
        self.direct_url = f"http://localhost:{self.ports[2]}"
        self.app = start_app(APP, self.ports[1], [self.site_url], API_ALLOW=CALLS, API_ASSERTIONS="on")
        self.addCleanup(self.app.stop)
        env = {"LISTEN": f"127.0.0.1:{self.ports[2]}", "APP_URL": self.app_url, "SITE_URL": self.site_url, "PYTHONDONTWRITEBYTECODE": "1"}
        self.site = Process("site", self.command(), self.ports[2], env)
        self.addCleanup(self.site.stop)

    def start_proxy(self, change=None):
        proxy = proxies.start("nginx", self.ports, change)
        self.addCleanup(proxy.stop)
        return proxy

    def shortDescription(self):
        return f"{type(self).__name__}: {self._testMethodDoc.strip()}"

    def signed(self, key=None, header=None, **changes):
        """An assertion as the app would sign it, with these changes; by default with the app's own key."""
        pem = (pathlib.Path(self.app.home) / "data" / "signing.key").read_bytes()
        own = serialization.load_pem_private_key(pem, None)
        jwks = jwt.PyJWKClient(f"{self.app_url}/.well-known/jwks.json").get_jwk_set()
        now = int(time.time())
        claims = {"iss": self.app_url, "aud": self.site_url, "sub": "1", "name": "Mallory <b>", "email": "m@example.com",
                  "iat": now, "exp": now + 60, **changes}
        claims = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": "ES256", "kid": jwks.keys[0].key_id, **(header or {})}
        return jwt.encode(claims, own if key is None else key, algorithm=header.pop("alg"), headers=header)

    def test_walk(self):
        """behind the proxy, a page leads to the sign-in and back, and shows the name"""
        self.start_proxy()
        answer, way = Browser().open(f"{self.site_url}/me?a=b&c=d")
        self.assertEqual((answer.status, way[-1]), (200, f"{self.site_url}/me?a=b&c=d"), answer.text)
        self.assertRegex(answer.text, r"You are [^(]+ \([^)]+@[^)]+\)\.")

    def test_row(self):
        """a row is added in the name of whose request it was, and by nobody else's page"""
        self.start_proxy()
        browser = Browser()
        page, _ = browser.open(f"{self.site_url}/me")
        self.assertIn("Add a row as me", page.text)
        hidden = dict(re.findall(r"type='hidden' name='([^']+)' value='([^']+)'", page.text))
        form = [("Content-Type", "application/x-www-form-urlencoded")]
        here = [*form, ("Origin", self.site_url), ("Sec-Fetch-Site", "same-origin")]
        rows = f"{self.site_url}/rows"
        body = urlencode({**hidden, "text": "Tea & <b>cake</b>"}).encode()
        answer = browser.request(rows, "POST", here, body)
        self.assertEqual(answer.status, 200, answer.text)
        self.assertIn("Tea &", answer.text)
        self.assertNotIn("<b>", answer.text)
        self.assertIn("was added by Grace Hopper.", answer.text)
        # Another site's page has neither.
        for headers in ([*form, ("Origin", "http://evil.localhost")], form):
            answer = browser.request(rows, "POST", headers, urlencode({"text": "x"}).encode())
            self.assertEqual(answer.status, 403, answer.text)
        # Nor is one added for nobody.
        self.assertEqual(Browser().request(rows, "POST", here, body).status, 401)
        sent = Browser().request(f"{self.app_url}/sandbox/control/requests")
        self.assertEqual(len(re.findall(r'"method":\s*"POST"[^}]*/rows"', sent.text)), 1, sent.text)

    def test_unprotected(self):
        """with the proxy's own protection taken out, the site still refuses"""
        self.start_proxy(unprotected)
        stranger = ec.generate_private_key(ec.SECP256R1())
        for headers in [FORGED, [*FORGED, ("X-Smartsheet-Assertion", self.signed(stranger))]]:
            for spelled in (headers, [(name.replace("-", "_"), value) for name, value in headers]):
                answer = Browser().request(f"{self.site_url}/me", headers=[*spelled, *NAVIGATION])
                self.assertEqual(answer.status, 401, answer.text)
        # It is the protection that is out, not the way to the site.
        headers = [("X-Smartsheet-Assertion", self.signed())]
        self.assertEqual(Browser().request(f"{self.site_url}/me", headers=headers).status, 200)

    def test_assertions(self):
        """asked past the proxy, the site believes one assertion, and no other"""
        def ask(*headers):
            return Browser().request(f"{self.direct_url}/me", headers=headers)

        good = self.signed()
        answer = ask(("X-Smartsheet-Assertion", good))
        self.assertEqual(answer.status, 200, answer.text)
        self.assertIn("You are Mallory &", answer.text)
        self.assertNotIn("<b>", answer.text)
        self.assertEqual(ask(("X-Smartsheet-Assertion", self.signed(aud=[self.site_url, self.app_url]))).status, 200)
        now = int(time.time())
        stranger = ec.generate_private_key(ec.SECP256R1())
        refused = {
            "nothing": "",
            "no token": "mallory",
            "cut": good[:-8],
            "another site's": self.signed(aud="http://board.localhost:8001"),
            "for the app": self.signed(aud=self.app_url),
            "another app's": self.signed(iss="http://localhost:1"),
            "expired": self.signed(iat=now - 200, exp=now - 120),
            "without an end": self.signed(exp=None),
            "without an audience": self.signed(aud=None),
            "without an issuer": self.signed(iss=None),
            "without a person": self.signed(sub=None),
            "another key": self.signed(stranger),
            "another key, named": self.signed(stranger, {"kid": "mine"}),
            "unsigned": self.signed("", {"alg": "none"}),
            "a shared secret": self.signed("x" * 32, {"alg": "HS256"}),
        }
        for what, token in refused.items():
            answer = ask(("X-Smartsheet-Assertion", token), *FORGED)
            self.assertEqual(answer.status, 401, (what, answer.text))
        self.assertEqual(ask(*FORGED).status, 401)
        self.assertEqual(ask(("X_Smartsheet_Assertion", good)).status, 401)
        self.assertEqual(ask(("X-Smartsheet-Assertion", good), ("X-Smartsheet-Assertion", good)).status, 401)
        self.assertEqual(Browser().request(f"{self.direct_url}/").status, 200)

    def test_rotation(self):
        """another signing key is published before it signs, and nobody notices"""
        self.start_proxy()
        browser = Browser()
        page = f"{self.site_url}/me"
        self.assertEqual(browser.open(page)[0].status, 200)
        file = pathlib.Path(self.app.home) / "data" / "signing.key"
        old = file.read_text()
        made = ec.generate_private_key(ec.SECP256R1())
        new = made.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
        client = jwt.PyJWKClient(f"{self.app_url}/.well-known/jwks.json", cache_jwk_set=False)
        before = [key.key_id for key in client.get_jwk_set().keys]
        for keys, count in [(old + new, 2), (new + old, 2), (new, 1)]:
            self.app.stop()
            file.write_text(keys)
            self.app.start()
            if keys == old + new:
                # In place of the time after which the site fetches the keys again.
                self.site.stop()
                self.site.start()
            published = [key.key_id for key in client.get_jwk_set().keys]
            self.assertEqual(len(published), count)
            self.assertEqual(browser.request(page).status, 200)
        self.assertNotEqual(published, before)

    def test_no_keys(self):
        """without the app's keys, the site is closed but for what is public"""
        token = self.signed()
        self.app.stop()
        headers = [("X-Smartsheet-Assertion", token)]
        self.assertEqual(Browser().request(f"{self.direct_url}/me", headers=headers).status, 503)
        self.assertEqual(Browser().request(f"{self.direct_url}/").status, 200)


class Django(Example, unittest.TestCase):
    def command(self):
        return [sys.executable, EXAMPLES / "django" / "wiki.py"]


class Express(Example, unittest.TestCase):
    def command(self):
        return ["node", EXAMPLES / "express" / "wiki.mjs"]


class DjangoWithoutProxy(unittest.TestCase):
    def test_without_proxy(self):
        """without a proxy, on another port of localhost, the site asks the app with the browser's cookie"""
        app_port, port = free_ports(2)
        app = start_app(APP, app_port, [])
        self.addCleanup(app.stop)
        env = {"LISTEN": f"127.0.0.1:{port}", "APP_URL": f"http://localhost:{app_port}", "PYTHONDONTWRITEBYTECODE": "1"}
        site = Process("site", [sys.executable, EXAMPLES / "django" / "wiki.py", "--without-proxy"], port, env)
        self.addCleanup(site.stop)
        url = f"http://localhost:{port}/me"
        browser = Browser()
        self.assertEqual(browser.request(url).location, f"http://localhost:{app_port}/login")
        browser.open(f"http://localhost:{app_port}/login")
        answer = browser.request(url, headers=FORGED)
        self.assertEqual(answer.status, 200, answer.text)
        self.assertRegex(answer.text, r"You are [^(]+ \([^)]+@[^)]+\)\.")
        self.assertNotIn("mallory", answer.text.lower())
        # The host name is another one: no cookie, nobody.
        self.assertEqual(browser.request(f"http://wiki.localhost:{port}/me").status, 302)
        headers = [("Origin", f"http://localhost:{app_port}"), ("Sec-Fetch-Site", "same-origin")]
        self.assertEqual(browser.request(f"http://localhost:{app_port}/logout", "POST", headers, b"").status, 303)
        self.assertEqual(browser.request(url).status, 302)
        app.stop()
        self.assertEqual(browser.request(url).status, 503)
        self.assertEqual(browser.request(f"http://localhost:{port}/").status, 200)
