"""Every module can be imported on systems that lack what only Linux or POSIX has.

This hides modules and functions; it does not prove that the program works there.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

HIDDEN = """
import builtins, os, select, signal, socket, sys, time

system = sys.argv[1]

# Libraries decide by the platform at their import: they come first, as they are here.
import asyncio, ctypes, ssl, subprocess, tempfile, multiprocessing, urllib.request
import doit.cmd_base, filelock, psutil, rich.console, rich.live, rich.progress
import starlette.applications, textual.app, uvicorn, watchfiles, jinja2, pygal, jsonschema
import doit.doit_cmd, doit.cmd_run, sqlite3, getpass, shutil, pathlib, click

modules = {
    "win32": ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "posix", "readline"),
    "darwin": (),
}[system]
names = {
    "win32": {
        os: ("geteuid", "getuid", "getegid", "getgid", "killpg", "getpgid", "setsid", "fork",
             "chown", "fchown", "fchmod", "pread", "fdatasync", "setpriority", "getpriority",
             "PRIO_PROCESS", "sched_setaffinity", "sched_getaffinity", "listxattr", "getxattr",
             "setxattr", "statvfs", "uname", "getloadavg", "mkfifo", "pidfd_open", "O_CLOEXEC",
             "O_NONBLOCK", "O_NOFOLLOW", "O_DIRECTORY"),
        signal: ("SIGKILL", "SIGSTOP", "SIGCONT", "SIGHUP", "SIGURG", "SIGUSR1", "SIGUSR2",
                 "SIGPIPE", "SIGALRM"),
        select: ("poll", "epoll"),
        socket: ("AF_UNIX", "SOCK_CLOEXEC"),
        time: ("clock_gettime", "CLOCK_BOOTTIME", "CLOCK_MONOTONIC"),
    },
    "darwin": {
        os: ("pidfd_open", "sched_setaffinity", "sched_getaffinity", "listxattr", "getxattr",
             "setxattr", "fdatasync"),
        socket: ("SOCK_CLOEXEC",),
        time: ("CLOCK_BOOTTIME",),
    },
}[system]
for module, those in names.items():
    for name in those:
        if hasattr(module, name):
            delattr(module, name)
for name in modules:
    sys.modules[name] = None  # an ImportError for whoever imports it now
sys.platform = system

import importlib, pkgutil
import av1rules

failed = {}
for found in pkgutil.walk_packages(av1rules.__path__, "av1rules."):
    if found.name != "av1rules.__main__":
        try:
            importlib.import_module(found.name)
        except Exception as problem:
            failed[found.name] = repr(problem)
print(len([name for name in sys.modules if name.startswith("av1rules.")]))
sys.exit("\\n".join(f"{name}: {why}" for name, why in failed.items()) or 0)
"""


@pytest.mark.parametrize("system", ["win32", "darwin"])
def test_every_module_is_imported_without_what_the_system_lacks(system: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", HIDDEN, system],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 600
