"""Load on two servers in turns, and what came of it."""

import dataclasses
import json
import os
import statistics
import subprocess
import tempfile

from servers import ROOT, fail


@dataclasses.dataclass
class Load:
    """One run of a load generator. Times in milliseconds."""

    rate: float
    p50: float
    p99: float


def wrk(url, seconds, connections, cookies=(), host=None, pace=None, headers=()):
    """Asks for `url`, by another `host` if there is one and with more `headers`, over so many connections at once: as fast as it is
    answered, or at a `pace` of so many requests a second."""
    with tempfile.NamedTemporaryFile("w") as file:
        environment = dict(os.environ)
        if cookies:
            file.write("\n".join(cookies) + "\n")
            file.flush()
            environment["COOKIES"] = file.name
        if pace:
            environment["PAUSE"] = str(round(1000 * connections / pace))
        named = ["-H", f"Host: {host}"] if host else []
        for header in headers:
            named += ["-H", header]
        command = ["wrk", *named, "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", "benches/wrk.lua", url]
        output = subprocess.run(
            command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True
        ).stdout
    said = json.loads(output.splitlines()[-1])
    if said["failed"]:
        fail(f"{url}: {said['failed']} of {said['requests']} requests failed")
    return Load(said["requests"] / said["seconds"], said["p50"], said["p99"])


def sign_ins(program, app, sandbox, seconds, people):
    """People who sign in one after the other. Also the cookies of those who did so last."""
    command = [program, app.address, sandbox.address, str(people), str(seconds)]
    said = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return Load(said["sign_ins"] / said["seconds"], said["p50"], said["p99"]), said["cookies"]


def median(loads):
    fields = (statistics.median(getattr(load, field.name) for load in loads) for field in dataclasses.fields(Load))
    return Load(*fields)


@dataclasses.dataclass
class Comparison:
    """The app against the floor, measured in turns: medians, and the median of the ratios of each turn."""

    floor: Load
    app: Load
    rate: float
    p99: float


def compare(floor, app, rounds):
    """`floor` and `app` each make one run. What comes first changes with each round."""
    pairs = []
    for number in range(rounds):
        if number % 2:
            measured = app()
            pairs.append((floor(), measured))
        else:
            pairs.append((floor(), app()))
    return Comparison(
        median([one for one, _ in pairs]),
        median([other for _, other in pairs]),
        statistics.median(other.rate / one.rate for one, other in pairs),
        statistics.median(other.p99 / one.p99 for one, other in pairs),
    )
