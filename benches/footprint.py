"""What the release build takes when nothing happens: time to start, memory, space; and what building it takes."""

import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import tempfile
import time

import servers

MIB = 1024 * 1024


def in_sandbox_mode(program, folder):
    return servers.app(program, folder, servers.free_port(), {})


def start_times(program, starts, keep_store):
    """Milliseconds to the first 200: each start in an empty folder, or all in one whose store exists."""
    times = []
    shared = tempfile.mkdtemp()
    try:
        if keep_store:
            with in_sandbox_mode(program, shared):
                pass
        for _ in range(starts):
            folder = shared if keep_store else tempfile.mkdtemp(dir=shared)
            with in_sandbox_mode(program, folder) as server:
                times.append(server.milliseconds_to_start)
    finally:
        shutil.rmtree(shared)
    return times


def idle_memory(program):
    """Resident memory once started, and after the pages have been visited, each when nothing happens any more."""
    with tempfile.TemporaryDirectory() as folder, in_sandbox_mode(program, folder) as server:
        time.sleep(2)
        fresh = server.memory()
        for _ in range(200):
            for path in ("/", "/login", "/readyz", "/me"):
                servers.get(server.port, path)
        time.sleep(2)
        return fresh, server.memory()


def rows(program, starts):
    """Rows of a table: what, how much, the aim, whether it is met."""
    for keep_store, folder in ((False, "an empty folder"), (True, "an existing store")):
        times = start_times(program, starts, keep_store)
        median, spread = statistics.median(times), f"{min(times):.1f} to {max(times):.1f}"
        yield f"start to first 200, {folder}", f"{median:.1f} ms ({spread})", "below 50 ms", median < 50
    for when, (resident, own) in zip(("after the start", "after 800 requests"), idle_memory(program)):
        yield f"idle memory {when}", f"{resident:.1f} MiB ({own:.1f} its own)", "below 20 MiB", resident < 20
    size = os.path.getsize(program) / MIB
    yield "the program", f"{size:.1f} MiB", "below 15 MiB", size < 15


def processor_seconds():
    """What the children that have ended used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def cold_build(*arguments):
    """What a build costs with nothing built before, downloads not counted: seconds, processor seconds, MiB on disk."""
    subprocess.run(["cargo", "fetch", "--locked", "--quiet"], cwd=servers.ROOT, check=True)
    with tempfile.TemporaryDirectory() as target:
        started, used = time.perf_counter(), processor_seconds()
        command = ["cargo", "build", "--quiet", "--locked", "--target-dir", target, *arguments]
        subprocess.run(command, cwd=servers.ROOT, check=True)
        seconds, used = time.perf_counter() - started, processor_seconds() - used
        size = sum(file.stat().st_size for file in pathlib.Path(target).rglob("*") if file.is_file())
        return seconds, used, size / MIB


def build_rows():
    for name, flags in (("cargo build", ()), ("cargo build --release", ("--release",))):
        seconds, used, disk = cold_build(*flags)
        yield f"cold `{name}`", f"{seconds:.0f} s ({used:.0f} s of processor time, {disk:.0f} MiB on disk)", "", None
