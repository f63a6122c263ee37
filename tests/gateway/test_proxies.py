"""Each proxy with the file that is shipped for it: the walk, what the site gets, what nobody gets through."""

import base64
import itertools
import json
import re
import sys
import unittest

import proxies
from parts import NAVIGATION, Browser, Echo, free_ports, start_app

APP = sys.argv[1]
CALLS = "GET /sheets, GET /sheets/{id}, POST /sheets/{id}/rows"
PAGE = "/page/%C3%A9?a=b&c=d%20e&f=%2F"
SAID = ["Remote-User", "Remote-Email", "Remote-Name", "Remote-Groups", "X-Smartsheet-Assertion"]
APP_COOKIES = ["session", "flow", "signed-out", "trial", "sign-in-abc", "site-1", "site-1-nonce-abc", "__Host-session", "__Host-flow",
               "__Host-signed-out", "__Host-trial", "__Host-sign-in-abc", "__Host-site", "__Host-site-nonce-abc"]


def spellings(name):
    """A header's name as it is, and with what servers take for a hyphen in the place of each."""
    first, *rest = name.split("-")
    for signs in itertools.product("-_.", repeat=len(rest)):
        spelled = first + "".join(map("".join, zip(signs, rest)))
        yield from (spelled, spelled.upper())


# Each name as the app spells it twice; and other signs that may stand in a name.
SIGNS = [name.replace("-", sign) for name in (SAID[0], SAID[-1]) for sign in "!#$%&'*+^`|~"]
FORGED = [(spelled, "mallory") for name in SAID for spelled in [*spellings(name), name]] + [(name, "mallory") for name in SIGNS]


def claims_of(assertion):
    body = assertion.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def is_claim(name):
    """Whether a server that takes all these signs for hyphens would see a claim about the person."""
    name = re.sub("[^a-z0-9]", "-", name.lower())
    return name.startswith("remote-") or name.startswith("x-smartsheet-")


class Proxied:
    """The tests of one proxy. The app, the site and the proxy are started once for all."""

    @classmethod
    def setUpClass(cls):
        cls.ports = free_ports(3)
        cls.site_url = f"http://wiki.localhost:{cls.ports[0]}"
        cls.running = []
        cls.addClassCleanup(lambda: [each.stop() for each in reversed(cls.running)])
        cls.app = start_app(APP, cls.ports[1], [cls.site_url], API_ALLOW=CALLS)
        cls.running.append(cls.app)
        cls.echo = Echo(cls.ports[2])
        cls.running.append(cls.echo)
        cls.proxy = proxies.start(cls.proxy_name, cls.ports)
        cls.running.append(cls.proxy)

    def shortDescription(self):
        return f"{self.proxy_name}: {self._testMethodDoc.strip()}"

    def signed_in(self):
        browser = Browser()
        answer, _ = browser.open(self.site_url + "/")
        answer.echoed()
        return browser

    def test_checks_are_for_the_proxy(self):
        """no script of the site reads the assertion: a browser that asks a check gets none"""
        browser = self.signed_in()
        self.assertTrue(browser.request(self.site_url + "/x").echoed().one("X-Smartsheet-Assertion"))
        for path in ["/auth/check", "/auth/check/", "/auth/check?allow=a", "/auth/forward", "/auth/forward/x", "/auth/envoy", "/auth/envoy/x",
                     "/auth/%63heck", "/auth/forwar%64", "//auth/check", "/auth//check", "/x/../auth/check", "/auth/./check"]:
            answer = browser.request(self.site_url + path)
            for name in SAID:
                self.assertNotIn(name.lower(), [key.lower() for key in answer.headers], path)
        self.assertEqual(browser.request(self.site_url + "/auth/session").status, 200)

    def test_walk(self):
        """a page leads to the sign-in, the consent, and back to this very page"""
        browser = Browser()
        answer, way = browser.open(self.site_url + PAGE)
        self.assertEqual(way[-1], self.site_url + PAGE)
        self.assertEqual(answer.echoed().target, PAGE)
        self.assertTrue(way[1].startswith(f"{self.site_url}/auth/sign-in?return_to="), way)
        self.assertTrue(any("/b/authorize" in url for url in way), way)
        # Another page needs no redirect.
        self.assertEqual(browser.request(self.site_url + "/x", headers=NAVIGATION).echoed().target, "/x")

    def test_site_is_told(self):
        """the site gets who it is, once each, and an assertion for it"""
        got = self.signed_in().request(self.site_url + "/", "POST", [("Cookie", "own=1")], b"a form").echoed()
        self.assertEqual((got.method, got.body), ("POST", "a form"))
        claims = claims_of(got.one("X-Smartsheet-Assertion"))
        self.assertEqual(claims["aud"], self.site_url)
        self.assertEqual(claims["iss"], f"http://localhost:{self.ports[1]}")
        self.assertEqual(got.one("Remote-User"), claims["sub"])
        self.assertEqual(got.one("Remote-Email"), claims["email"])
        self.assertIn("@", claims["email"])
        self.assertNotEqual(got.one("Remote-Name"), "")
        got.one("Remote-Groups")

    def test_signed_out(self):
        """signed out, what is no navigation gets 401, and the site hears of none of it"""
        asked = self.echo.asked
        for method, headers, body in [
            ("GET", [("Accept", "application/json")], None),
            ("GET", [("Accept", "text/html"), ("Sec-Fetch-Mode", "cors")], None),
            ("POST", NAVIGATION, b"a=b"),
            ("PUT", NAVIGATION, b"a=b"),
            ("GET", [], None),
        ]:
            answer = Browser().request(self.site_url + PAGE, method, headers, body)
            self.assertEqual(answer.status, 401, (method, headers, answer.text[:300]))
            self.assertIsNone(answer.headers["Location"])
        self.assertEqual(self.echo.asked, asked)

    def test_forged_by_nobody(self):
        """a client that sends every forged header is nobody"""
        asked = self.echo.asked
        forged = [*FORGED, ("Cookie", f"site-{self.ports[0]}=forged; session=forged")]
        for more in [[], *([("Connection", f"keep-alive, {name}")] for name in [*SAID, "Cookie", "X-Forwarded-Host"])]:
            answer = Browser().request(self.site_url + "/", headers=forged + more)
            self.assertIn(answer.status, (400, 401), answer.text[:300])
        self.assertEqual(self.echo.asked, asked)
        answer = Browser().request(self.site_url + "/", headers=[*FORGED, *NAVIGATION])
        self.assertEqual(answer.status, 303)

    def test_forged_by_somebody(self):
        """somebody who is signed in stays who they are, whatever they send"""
        browser = self.signed_in()
        own = browser.request(self.site_url + "/").echoed().one("Remote-User")
        lists = [[("Connection", f"keep-alive, {name}")] for name in [*SAID, "remote_user", "X-Forwarded-Host", "X-Forwarded-Proto"]]
        for more in [[], *lists]:
            answer = browser.request(self.site_url + "/", headers=[*FORGED, *more])
            if answer.status == 400 and more:
                continue
            got = answer.echoed()
            self.assertNotIn("mallory", str(got.headers))
            claims = [name for name, _ in got.headers if is_claim(name)]
            self.assertEqual(sorted(name.lower() for name in claims), sorted(name.lower() for name in SAID))
            self.assertEqual(got.one("Remote-User"), own)

    def test_cookies(self):
        """the site gets its own cookies, and none of the app's"""
        for line, expected in [
            ("own=1", {"own": "1"}),
            ("a=1; session=SECRET; b=2; flow=SECRET; c=3; site-1=SECRET", {"a": "1", "b": "2", "c": "3"}),
            ("; ".join(f"{name}=SECRET" for name in APP_COOKIES) + "; own=1", {"own": "1"}),
            ("my-session=1; websites=2; overflow=3; session-x=4", {"my-session": "1", "websites": "2", "overflow": "3", "session-x": "4"}),
            ("session=SECRET;flow=SECRET;own=x=session=y", {"own": "x=session=y"}),
        ]:
            browser = self.signed_in()
            [pointer] = [value for name, value in browser.cookies["wiki.localhost"].items() if name.startswith("site-")]
            got = browser.request(self.site_url + "/", headers=[("Cookie", line)]).echoed()
            sent = "; ".join(got.all("Cookie"))
            self.assertNotIn("SECRET", sent)
            self.assertNotIn(pointer, str(got.headers))
            pairs = [pair.strip() for pair in sent.split(";")]
            self.assertEqual(dict(pair.split("=", 1) for pair in pairs if pair), expected)

    def test_many_cookies(self):
        """however many of the app's cookies there are, the site gets none"""
        line = "; ".join(f"own-{number}=1; session=SECRET" for number in range(30))
        got = self.signed_in().request(self.site_url + "/", headers=[("Cookie", line)]).echoed()
        self.assertNotIn("SECRET", str(got.headers))

    def test_auth_only(self):
        """of the app's pages, only those below /auth/ are reachable at the site"""
        browser = self.signed_in()
        self.assertEqual(browser.request(self.site_url + "/auth/session").status, 200)
        self.assertEqual(browser.request(self.site_url + "/me").echoed().target, "/me")
        for path in ["/auth/../me", "/auth/%2e%2e/me"]:
            answer = browser.request(self.site_url + path, headers=[("Accept", "application/json")])
            self.assertNotIn("application/problem", answer.headers["Content-Type"] or "", path) if answer.status == 200 else None
            self.assertNotIn("accessLevel", answer.text)

    def test_api(self):
        """pages call Smartsheet's API below /auth/api, and other sites' pages do not"""
        browser = self.signed_in()
        api, csrf = f"{self.site_url}/auth/api/2.0", ("X-CSRF", "1")
        here = [csrf, ("Origin", self.site_url), ("Sec-Fetch-Site", "same-origin")]
        answer = browser.request(f"{api}/sheets?includeAll=true", headers=here)
        self.assertEqual((answer.status, answer.headers["Cache-Control"]), (200, "no-store"), answer.text)
        sheet = next(sheet["id"] for sheet in json.loads(answer.text)["data"] if sheet["name"] == "Team board")
        columns = json.loads(browser.request(f"{api}/sheets/{sheet}", headers=here).text)["columns"]
        row = {"toBottom": True, "cells": [{"columnId": columns[0]["id"], "value": "x" * 3000}]}
        sent = [*here, ("Content-Type", "application/json")]
        # Longer than what a proxy holds in its memory.
        body = json.dumps(row).encode().ljust(60 * 1024)
        answer = browser.request(f"{api}/sheets/{sheet}/rows", "POST", sent, body)
        self.assertEqual(answer.status, 200, answer.text)
        for headers, status in [([], 403), ([csrf, ("Origin", "http://board.localhost")], 403)]:
            self.assertEqual(browser.request(f"{api}/sheets", headers=headers).status, status)
        self.assertEqual(browser.request(f"{api}/users/me", headers=here).status, 404)
        self.assertEqual(Browser().request(f"{api}/sheets", headers=here).status, 401)

    def test_sign_out(self):
        """signed out at the site, nobody is signed in any more"""
        browser = self.signed_in()
        thief = Browser()
        thief.cookies = {host: dict(jar) for host, jar in browser.cookies.items()}
        headers = [("Origin", self.site_url), ("Sec-Fetch-Site", "same-origin")]
        answer = browser.request(self.site_url + "/auth/sign-out", "POST", headers, b"")
        self.assertEqual(answer.status, 303, answer.text[:300])
        self.assertEqual(thief.request(self.site_url + "/").status, 401)

    def test_another_host(self):
        """with the app's own host and cookie, nobody gets to the site"""
        browser = self.signed_in()
        session = browser.cookies["localhost"]["session"]
        asked = self.echo.asked
        for host in [f"localhost:{self.ports[1]}", "wiki.localhost", "board.localhost:1"]:
            stranger = Browser()
            stranger.as_host = host
            stranger.request(self.site_url + "/", headers=[("Cookie", f"session={session}")])
        self.assertEqual(self.echo.asked, asked)

    def test_zy_not_allowed(self):
        """who may not use the site gets 403 and is told who they are"""
        browser = self.signed_in()
        asked = self.echo.asked
        self.app.restart({"GATEWAY_ALLOW": "nobody@example.com"})
        try:
            for headers in ([], NAVIGATION):
                answer = browser.request(self.site_url + "/", headers=headers)
                self.assertEqual(answer.status, 403)
                self.assertIn("You are signed in as", answer.text)
            self.assertEqual(self.echo.asked, asked)
        finally:
            self.app.restart({"GATEWAY_ALLOW": ""})
        self.assertEqual(browser.request(self.site_url + "/").status, 200)

    def test_zz_app_down(self):
        """with the app down the site is closed, and opens again with it"""
        browser = self.signed_in()
        asked = self.echo.asked
        self.app.stop()
        try:
            for headers in ([], NAVIGATION, FORGED):
                answer = browser.request(self.site_url + "/", headers=headers)
                self.assertGreaterEqual(answer.status, 400, answer.text[:300])
            self.assertEqual(self.echo.asked, asked)
        finally:
            self.app.start()
        self.assertEqual(browser.request(self.site_url + "/").echoed().target, "/")


def load_tests(loader, _tests, _pattern):
    """A class for each proxy that is there."""
    suite = unittest.TestSuite()
    for name in proxies.PROGRAMS:
        if proxies.program(name) is None:
            continue
        case = type(name.capitalize(), (Proxied, unittest.TestCase), {"proxy_name": name})
        suite.addTests(loader.loadTestsFromTestCase(case))
    return suite
