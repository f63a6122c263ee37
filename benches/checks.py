"""What a check costs: a site's proxy asks for each request who sent it."""

import contextlib
import http.client
import os
import sqlite3
import urllib.parse

import servers
from load import compare, median, sign_ins, wrk

SITE = "wiki.localhost:3000"
PEOPLE = 64
AIM = 0.5
PACE, PACE_AIM = 5_000, 2
MANY = (1_000, 1_000_000)


def ask(server, host, path, cookie=None):
    """One request at `host`: where it leads, and the cookies that it gives."""
    connection = http.client.HTTPConnection(server.address, timeout=10)
    connection.request("GET", path, headers={"Host": host, **({"Cookie": cookie} if cookie else {})})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    cookies = [value.partition(";")[0] for name, value in answer.getheaders() if name == "set-cookie"]
    return answer.headers["location"], cookies


def below(url):
    """The path and query of an absolute address."""
    parts = urllib.parse.urlsplit(url)
    return f"{parts.path}?{parts.query}"


def arrive(server, session):
    """The cookie at the site of somebody who has `session` at the app."""
    grant, nonce = ask(server, SITE, "/auth/sign-in")
    ticket, _ = ask(server, f"localhost:{server.port}", below(grant), session)
    _, cookies = ask(server, SITE, below(ticket), "; ".join(nonce))
    return next(cookie for cookie in cookies if cookie.startswith("site-3000="))


@contextlib.contextmanager
def people_at_a_site(world, folder, name):
    """An app with a site, and the cookies of people who are signed in there."""
    port = world.ports["checks"]
    store = f"sqlite://{folder}/{name}.db"
    settings = {"GATEWAY_SITES": f"http://{SITE}"}
    with servers.app_with(world.program, folder, port, world.sandbox, store, settings) as server:
        sessions = sign_ins(world.driver, server, world.sandbox, 0, PEOPLE)[1]
        yield server, [arrive(server, session) for session in sessions]


def fill(file, rows):
    """Adds other people's sessions to the database until there are so many."""
    database = sqlite3.connect(file)
    have = database.execute("SELECT count(*) FROM sessions").fetchone()[0]
    expires_at = 4_000_000_000_000
    others = ((os.urandom(32), 1, os.urandom(900), expires_at) for _ in range(rows - have))
    sql = "INSERT INTO sessions (key, version, sealed, expires_at, transient) VALUES (?, ?, ?, ?, 0)"
    with database:
        database.executemany(sql, others)
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


def checks(world, arguments, report):
    report.line()
    report.line("### Checks")
    report.line()
    report.line(
        f"`/auth/check` of a site, for {PEOPLE} people who are signed in there, on SQLite. The floor is a handler that answers the "
        "same headers, without looking anything up or signing anything."
    )
    check = lambda server, cookies, **more: wrk(
        f"http://{server.address}/auth/check", arguments.seconds, 64, cookies, host=SITE, **more
    )
    with people_at_a_site(world, world.folder, "checks") as (server, cookies):
        result = compare(lambda: check(world.floor, ()), lambda: check(server, cookies), arguments.rounds)
        paced = median([check(server, cookies, pace=PACE) for _ in range(arguments.rounds)])
    report.table("", "floor", "app", "ratio", "aim", "")
    report.row(
        "requests/s", f"{result.floor.rate:,.0f}", f"{result.app.rate:,.0f}", f"{result.rate:.2f}", f"{AIM}",
        world.verdict(result.rate >= AIM),
    )
    report.row(
        f"p99 at {PACE:,} a second, ms", "", f"{paced.p99:.2f}", "", f"{PACE_AIM}",
        world.verdict(paced.p99 < PACE_AIM and paced.rate > PACE * 0.9),
    )
    rates = []
    with people_at_a_site(world, world.folder, "many") as (server, cookies):
        for many in MANY:
            fill(f"{world.folder}/many.db", many)
            rates.append(median([check(server, cookies) for _ in range(arguments.rounds)]).rate)
    few, many = rates
    report.row(
        f"requests/s with {MANY[0]:,} sessions and with {MANY[1]:,}", f"{few:,.0f}", f"{many:,.0f}",
        f"{few / many:.2f}", "1.5", world.verdict(few / many <= 1.5),
    )
