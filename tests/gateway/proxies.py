"""The proxies, each with the file that is shipped for it."""

import os
import pathlib
import shutil
import time

from parts import SHIPPED, Browser, Process, temporary

PROGRAMS = {"nginx": "nginx", "caddy": "caddy", "haproxy": "haproxy", "traefik": "traefik", "envoy": "envoy"}


def program(name):
    """Where a proxy's program is, if it can be found."""
    return shutil.which(PROGRAMS[name], path=os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin")


def shipped(folder, ports, change=None):
    """A copy of what is shipped with these ports (proxy, app, site) in place of those that README.md names."""
    proxy, app, site = ports
    for file in SHIPPED.rglob("*"):
        if not file.is_file() or file.name == "README.md":
            continue
        text = file.read_text()
        text = text.replace("wiki.localhost:8000", f"wiki.localhost:{proxy}").replace("127.0.0.1:8000", f"127.0.0.1:{proxy}")
        text = text.replace("127.0.0.1:8080", f"127.0.0.1:{app}").replace("127.0.0.1:3000", f"127.0.0.1:{site}")
        if file.suffix == ".yaml":
            # Envoy has addresses and ports apart.
            for shown, port in ((8000, proxy), (8080, app), (3000, site)):
                text = text.replace(f"port_value: {shown}", f"port_value: {port}")
        if change:
            text = change(file.name, text)
        copy = pathlib.Path(folder) / file.relative_to(SHIPPED)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(text)


def start(name, ports, change=None):
    """Starts a proxy as README.md says."""
    folder = temporary(name)
    shipped(folder, ports, change)
    path = program(name)
    command = {
        "nginx": [path, "-e", "stderr", "-p", folder, "-c", f"{folder}/nginx.conf"],
        "caddy": [path, "run", "--config", "Caddyfile", "--adapter", "caddyfile"],
        "haproxy": [path, "-db", "-f", "haproxy.cfg"],
        "traefik": [path, "--configfile=traefik.toml"],
        "envoy": [path, "--config-path", "envoy.yaml", "--concurrency", "1", "--disable-hot-restart"],
    }[name]
    home = f"{folder}/traefik" if name == "traefik" else folder
    proxy = Process(name, command, ports[0], folder=home)
    try:
        wait_for_routes(ports[0])
    except BaseException:
        proxy.stop()
        raise
    return proxy


def wait_for_routes(port):
    """Until the proxy knows the way to the app. Traefik listens before it does."""
    for _ in range(200):
        if Browser().request(f"http://wiki.localhost:{port}/auth/session").status == 401:
            return
        time.sleep(0.05)
    raise AssertionError("the proxy does not pass /auth/ on to the app")
