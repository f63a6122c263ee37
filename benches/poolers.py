"""PostgreSQL directly and through PgBouncer, in both of its modes: the same app, the same database, in turns."""

import contextlib
import statistics

import servers
from load import median, sign_ins, wrk

AIM = 0.8


def poolers(world, arguments, report):
    with contextlib.ExitStack() as stack:
        direct = stack.enter_context(servers.postgres())
        by_session = direct and stack.enter_context(servers.pgbouncer(direct, "session"))
        by_transaction = by_session and stack.enter_context(servers.pgbouncer(direct, "transaction"))
        if not by_transaction:
            report.line("PostgreSQL or PgBouncer is not installed, so this is left out.")
            return
        stores = {
            "directly": direct,
            "PgBouncer by session": by_session,
            "PgBouncer by transaction": f"{by_transaction}?pooler=transaction",
        }
        apps = {}
        # They share sessions, so each person can go to any.
        key = {"SESSION_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}
        for (name, store), port in zip(stores.items(), world.pooler_ports):
            server = servers.app_with(world.program, world.folder, port, world.sandbox, store, key)
            apps[name] = stack.enter_context(server)
        report.line("### PostgreSQL through a pooler")
        report.line()
        report.line(f"The same database, in turns: {arguments.rounds} rounds of {arguments.seconds} seconds each.")
        people = 64
        rates = {name: ([], []) for name in apps}
        for _ in range(arguments.rounds):
            for name, app in apps.items():
                load, cookies = sign_ins(world.driver, app, world.sandbox, arguments.seconds, people)
                rates[name][0].append(load)
                rates[name][1].append(wrk(f"http://{app.address}/me", arguments.seconds, people, cookies))
        report.table("way", "sign-ins/s", "ratio", "p99, ms", "`/me`, requests/s", "ratio", "p99, ms", "aim", "")
        for name, loads in rates.items():
            cells, is_met = [], True
            for kind in range(2):
                load = median(loads[kind])
                ratio = statistics.median(
                    own.rate / other.rate for own, other in zip(loads[kind], rates["directly"][kind])
                )
                is_met &= ratio >= AIM
                cells += [f"{load.rate:,.0f}", f"{ratio:.2f}", f"{load.p99:.1f}"]
            aim = [f"{AIM}", world.verdict(is_met)] if "transaction" in name else ["", ""]
            report.row(name, *cells, *aim)
        report.line()
