"""The programs that scripts/bench measures and those it measures with, built and started."""

import base64
import contextlib
import glob
import http.client
import json
import os
import pathlib
import pwd
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


def fail(problem):
    sys.exit(f"scripts/bench: {problem}")


def build():
    """Builds the program and its companions in release, and says where Cargo put each."""
    command = ["cargo", "build", "--release", "--locked", "--message-format=json-render-diagnostics"]
    names = ["smartsheet-oauth-demo", "bench_floor", "bench_sign_ins"]
    command += ["--bin", names[0], "--example", names[1], "--example", names[2]]
    output = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    built = (json.loads(line).get("executable") for line in output.splitlines())
    programs = {pathlib.Path(path).name: path for path in built if path}
    return [programs[name] for name in names]


def install_load_generator():
    if shutil.which("wrk"):
        return
    if not shutil.which("apt-get"):
        fail("wrk is missing, and this is no Debian: install it by hand")
    become_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    installed = subprocess.run([*become_root, "apt-get", "install", "-y", "-qq", "--no-install-recommends", "wrk"])
    if installed.returncode != 0:
        fail("wrk can't be installed; as root, run: apt-get update && apt-get install wrk")


def allow_many_connections():
    """Raises the limit on open files for everything that is started from here."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def get(port, path):
    """The status of one request, or None when nobody listens yet."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        return response.status
    except ConnectionRefusedError:
        return None
    finally:
        connection.close()


class Server:
    """A process that listens on a port of its own, from its start to its first answer on `/`."""

    def __init__(self, name, port, command, first=200, **options):
        self.name, self.port, self.address = name, port, f"127.0.0.1:{port}"
        started = time.perf_counter()
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options
        )
        while get(port, "/") != first:
            if self.process.poll() is not None:
                fail(f"{name} ended with status {self.process.returncode}")
            if time.perf_counter() - started > 30:
                self.process.kill()
                fail(f"{name}: no answer within 30 seconds")
            time.sleep(0.0005)
        self.milliseconds_to_start = (time.perf_counter() - started) * 1000

    def memory(self):
        """Resident memory in MiB: in all, and the part that is the process's own (not mapped from files)."""
        fields = {}
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            name, _, value = line.partition(":")
            if name in ("VmRSS", "RssAnon"):
                fields[name] = int(value.split()[0]) / 1024
        return fields["VmRSS"], fields["RssAnon"]

    def processor_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()


def app(program, folder, port, settings):
    """The app as it ships, without any setting of this machine. Its log goes nowhere, but is written."""
    environment = {
        "PATH": os.environ["PATH"],
        "SERVER_LISTEN": f"127.0.0.1:{port}",
        "SERVER_BASE_URL": f"http://localhost:{port}",
        # Nobody waits for a balancer here.
        "SERVER_DRAIN_TIME": "0s",
        **settings,
    }
    return Server("the app", port, [program, "serve"], cwd=folder, env=environment)


def app_with(program, folder, port, sandbox, store, more=None):
    """The app against a sandbox that runs elsewhere, with `more` settings."""
    settings = {
        "SMARTSHEET_CLIENT_ID": "sandbox-client",
        "SMARTSHEET_CLIENT_SECRET": "sandbox-secret",
        "SMARTSHEET_AUTHORIZE_URL": f"http://{sandbox.address}/b/authorize",
        "SMARTSHEET_API_URL": f"http://{sandbox.address}/2.0",
        "SESSION_STORE": store,
        "SESSION_KEY": base64.b64encode(os.urandom(32)).decode(),
        **(more or {}),
    }
    return app(program, folder, port, settings)


def sandbox_for(program, ports):
    """The stand-in for Smartsheet, in memory, for apps on these ports."""
    port = free_port()
    command = [program, "sandbox", "--listen", f"127.0.0.1:{port}"]
    for known in (8080, *ports):
        command += ["--redirect-url", f"http://localhost:{known}/redirect"]
    # It has no start page.
    return Server("the sandbox", port, command, first=404)


def floor_on(program, folder, sandbox):
    port = free_port()
    return Server("the floor", port, [program, f"127.0.0.1:{port}", f"http://{sandbox.address}"], cwd=folder)


@contextlib.contextmanager
def postgres():
    """A PostgreSQL with its own defaults, in memory of nobody: made for this run and thrown away. Gives its URL."""
    folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
    if not folders:
        yield None
        return
    as_owner, folder = [], tempfile.mkdtemp()
    if os.geteuid() == 0:
        # PostgreSQL does not run as root.
        owner = pwd.getpwnam("postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        as_owner = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups", "--"]
    port, data = free_port(), f"{folder}/data"
    initdb = [f"{folders[-1]}/initdb", "-D", data, "-U", "app", "-A", "trust", "-E", "UTF8", "--locale=C"]
    subprocess.run([*as_owner, *initdb], check=True, stdout=subprocess.DEVNULL, cwd=folder)
    server = [f"{folders[-1]}/postgres", "-D", data, "-p", str(port), "-c", "listen_addresses=127.0.0.1"]
    server += ["-c", f"unix_socket_directories={folder}"]
    process = subprocess.Popen([*as_owner, *server], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ready = [f"{folders[-1]}/pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port), "-U", "app"]
    try:
        while subprocess.run(ready).returncode != 0:
            if process.poll() is not None:
                fail("PostgreSQL does not start")
            time.sleep(0.05)
        yield f"postgres://app@127.0.0.1:{port}/postgres"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()
        shutil.rmtree(folder)


@contextlib.contextmanager
def pgbouncer(store, mode):
    """A PgBouncer in front of the PostgreSQL at `store`, pooling by `mode`. Gives the URL through it."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin:{ROOT}/target/pgbouncer/usr/sbin")
    if not program:
        yield None
        return
    port, folder = free_port(), tempfile.mkdtemp()
    database, server_port = store.rpartition("/")[2], store.rpartition(":")[2].partition("/")[0]
    as_somebody = []
    if os.geteuid() == 0:
        # PgBouncer does not run as root.
        owner = pwd.getpwnam("postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        as_somebody = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups", "--"]
    lines = ["[databases]", f"{database} = host=127.0.0.1 port={server_port} user=app", "[pgbouncer]"]
    lines += ["listen_addr = 127.0.0.1", f"listen_port = {port}", "unix_socket_dir =", "auth_type = any", f"pool_mode = {mode}"]
    pathlib.Path(folder, "pgbouncer.ini").write_text("\n".join(lines) + "\n")
    process = subprocess.Popen(
        [*as_somebody, program, f"{folder}/pgbouncer.ini"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while True:
            with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
                break
            if process.poll() is not None:
                fail("PgBouncer does not start")
            time.sleep(0.05)
        yield f"postgres://app@127.0.0.1:{port}/{database}"
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)
