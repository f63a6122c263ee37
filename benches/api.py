"""What a call through the API for pages costs, against the same call made directly and through a bare reverse proxy."""

import concurrent.futures
import http.client
import json
import socket
import statistics
import threading

import servers
from load import compare, sign_ins, wrk

ALLOW = "GET /users/me, GET /sheets/{id}"
# Each may make 300 calls a minute, so it takes many.
PEOPLE = 1_000
OVERHEAD_AIM, RATE_AIM = 0.3, 0.5
STREAMED, STREAMED_AIM = 100, 5
READERS, READER_AIM = 1_000, 256
AT_ONCE = 200
CSRF = "X-CSRF: 1"
SMALL = "/2.0/sheets/0"


def fetch(server, cookie, path):
    """The status of a call, and how many bytes came. Nothing of them is kept."""
    connection = http.client.HTTPConnection(server.address, timeout=60)
    connection.request("GET", f"/auth/api{path}", headers={"X-CSRF": "1", "Cookie": cookie, "Host": f"localhost:{server.port}"})
    answer = connection.getresponse()
    length = 0
    while part := answer.read(1024 * 1024):
        length += len(part)
    connection.close()
    return answer.status, length


class Watch:
    """The most memory that a server had while this was entered, in MiB of its own."""

    def __init__(self, server):
        self.server, self.most, self.over = server, 0, threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def watch(self):
        while not self.over.wait(0.01):
            self.most = max(self.most, self.server.memory()[1])

    def __enter__(self):
        self.before = self.server.memory()[1]
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    @property
    def growth(self):
        return max(self.most - self.before, 0)


def refreshes(upstream):
    connection = http.client.HTTPConnection(upstream.address, timeout=10)
    connection.request("GET", "/control")
    return json.load(connection.getresponse())["refreshes"]


def expire(upstream):
    connection = http.client.HTTPConnection(upstream.address, timeout=10)
    connection.request("POST", "/control")
    assert connection.getresponse().status == 204


def slow_readers(server, cookies):
    """Begins a long answer for each, and takes no more of it than its beginning."""
    sockets = []
    for cookie in cookies:
        reader = socket.create_connection(("127.0.0.1", server.port), 30)
        head = f"GET /auth/api/2.0/sheets/100 HTTP/1.1\r\nHost: localhost:{server.port}\r\n{CSRF}\r\nCookie: {cookie}\r\n\r\n"
        reader.sendall(head.encode())
        # One after the other: how many may begin at once is another matter.
        assert reader.recv(1024).startswith(b"HTTP/1.1 200")
        sockets.append(reader)
    return sockets


def api(world, arguments, report):
    program, folder = world.program, world.folder
    port = world.ports["api"]
    with servers.bare(world.upstream, "upstream") as upstream, servers.bare(
        world.upstream, "proxy", f"http://{upstream.address}"
    ) as proxy, servers.app_with(
        program, folder, port, upstream, f"sqlite://{folder}/api.db", {"API_ALLOW": ALLOW}
    ) as server:
        # The last one stays out of the crowd, and has all of a minute's calls left.
        cookies = sign_ins(world.driver, server, upstream, 0, PEOPLE + 1)[1]
        parts(world, arguments, report, (upstream, proxy, server), cookies)


def parts(world, arguments, report, running, cookies):
    upstream, proxy, server = running
    through = lambda connections: wrk(
        f"http://{server.address}/auth/api{SMALL}", arguments.seconds, connections, cookies[:PEOPLE],
        host=f"localhost:{server.port}", headers=[CSRF],
    )
    bare = lambda connections: wrk(f"http://{proxy.address}/auth/api{SMALL}", arguments.seconds, connections)
    direct = lambda: wrk(
        f"http://{upstream.address}{SMALL}", arguments.seconds, 1, headers=["Authorization: Bearer 1.0.access"]
    )
    report.line()
    report.line("### The API for pages")
    report.line()
    report.line(
        f"A small answer, for {PEOPLE:,} people in turn, on SQLite. Smartsheet is a bare server on the same machine. The floor is a reverse "
        "proxy of hyper and reqwest that puts one token in, and does nothing else."
    )
    report.table("", "floor", "app", "", "aim", "")
    overhead = []
    for _ in range(arguments.rounds):
        alone = direct()
        overhead.append((alone.p50, bare(1).p50, through(1).p50))
    alone, floor, app = (statistics.median(times) for times in zip(*overhead))
    more = statistics.median(app - alone for alone, _, app in overhead)
    report.row(
        f"one call at a time, median, ms (directly {alone:.2f})", f"{floor:.2f}", f"{app:.2f}", f"+{more:.2f}", f"+{OVERHEAD_AIM}",
        world.verdict(more < OVERHEAD_AIM),
    )
    result = compare(lambda: bare(64), lambda: through(64), arguments.rounds)
    report.row(
        "requests/s, 64 connections", f"{result.floor.rate:,.0f}", f"{result.app.rate:,.0f}", f"{result.rate:.2f}", f"{RATE_AIM}",
        world.verdict(result.rate >= RATE_AIM),
    )
    # What a first long answer takes for good is none of its length.
    fetch(server, cookies[0], "/2.0/sheets/4")
    with Watch(server) as watch:
        status, length = fetch(server, cookies[1], f"/2.0/sheets/{STREAMED}")
    assert (status, length) == (200, STREAMED * 1024 * 1024), (status, length)
    report.row(
        f"memory for {STREAMED} MiB that are passed on, MiB", "", f"{watch.growth:.1f}", "", f"{STREAMED_AIM}",
        world.verdict(watch.growth < STREAMED_AIM),
    )
    with Watch(server) as watch:
        readers = slow_readers(server, cookies[:READERS])
        others = through(16)
        held = watch.growth * 1024 / READERS
    for reader in readers:
        reader.close()
    report.row(
        f"{READERS:,} readers who stop reading, KiB each", "", f"{held:.0f}", "", f"{READER_AIM}", world.verdict(held < READER_AIM),
    )
    report.row(
        "others meanwhile, 16 connections: requests/s; p99, ms", "", f"{others.rate:,.0f}; {others.p99:.1f}", "", "none fails",
        world.verdict(True),
    )
    before = refreshes(upstream)
    expire(upstream)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        statuses = list(pool.map(lambda _: fetch(server, cookies[-1], SMALL)[0], range(AT_ONCE)))
    made, failed = refreshes(upstream) - before, sum(status != 200 for status in statuses)
    report.row(
        f"{AT_ONCE} calls of one person over an expiry: refreshes; failures", "", f"{made}; {failed}", "", "1; 0",
        world.verdict((made, failed) == (1, 0)),
    )
