"""Start the whole platform on this machine and keep it running: bin/up."""

import argparse
import http.client
import json
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from core.embedded import paths, ports, procfile, state
from core.embedded.output import Printer, complain
from core.embedded.process import Spec
from core.embedded.services import Services, configured, local_services, merged_env
from core.embedded.supervisor import Supervisor

_PATIENCE = 180.0
_QUIET = {"PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges,ignore:No directory at"}


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bin/up",
        description="Start Trading Arena: PostgreSQL and Redis (unless DATABASE_URL and REDIS_URL name others), "
        "migrations, demo data, and the processes of the Procfile. Ctrl-C stops everything.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="port of the site; the next free one if taken")
    parser.add_argument("--stream-port", type=int, default=8001, help="port of the event stream; likewise")
    demo = parser.add_mutually_exclusive_group()
    demo.add_argument("--no-demo", dest="demo", action="store_false", default=None, help="do not seed the demo")
    demo.add_argument("--demo", action="store_true", help="seed the demo even into a database named by DATABASE_URL")
    return parser.parse_args(argv)


@dataclass
class Addresses:
    """Where the two servers listen."""

    host: str
    web: int
    stream: int

    @property
    def browser_host(self) -> str:
        """The host a browser on this machine uses."""
        return "127.0.0.1" if self.host in {"0.0.0.0", "::", ""} else self.host  # noqa: S104

    @property
    def url(self) -> str:
        """The site's address."""
        return f"http://{self.browser_host}:{self.web}"

    def env(self) -> dict[str, str]:
        """Return what the processes must know of it."""
        env = {"WEB_HOST": self.host, "STREAM_HOST": self.host}
        env |= {"WEB_PORT": str(self.web), "STREAM_PORT": str(self.stream)}
        if not configured("STREAM_PUBLIC_URL"):
            env["STREAM_PUBLIC_URL"] = f"http://{self.browser_host}:{self.stream}"
        if not configured("SITE_URL"):
            env["SITE_URL"] = self.url
        return env


def main(argv: Sequence[str]) -> int:
    """Run until told to stop."""
    options = _parse(argv)
    data = paths.data_dir()
    owner = state.Lock(data / "owner.lock")
    if not _become_owner(owner, data):
        return 1
    try:
        with Supervisor() as supervisor:
            return _run(supervisor, options, data)
    except KeyboardInterrupt:
        return 130
    except RuntimeError as error:
        complain(f"bin/up: {error}")
        return 1
    finally:
        state.remove(data)
        owner.drop()


def _become_owner(owner: state.Lock, data: Path) -> bool:
    """Make sure that we are the only one; wait for a bin/manage that is at work."""
    if owner.take():
        return True
    running = state.read(data)
    if running is not None and running.command == "bin/up":
        complain(f"Trading Arena is already running here: {running.url or 'starting'} (process {running.pid}).")
        return False
    complain("Waiting for a bin/manage that uses the embedded services to finish ...")
    if owner.take(patience=60.0):
        return True
    complain("It does not finish. Another bin/up or bin/manage runs in this checkout.")
    return False


def _run(supervisor: Supervisor, options: argparse.Namespace, data: Path) -> int:
    began = time.monotonic()
    printer = supervisor.printer
    mine = state.ours("bin/up")
    state.write(data, mine)
    services = local_services(data)
    embedded = [name for name, used in (("PostgreSQL", services.cluster), ("Redis", services.redis)) if used]
    if embedded:
        printer.line("arena", f"starting the embedded {' and '.join(embedded)}")
    services.start(supervisor)
    env = {**_QUIET, **merged_env(services.env()), "PYTHONUNBUFFERED": "1"}
    if (code := _prepare(supervisor, services, env, demo=options.demo)) != 0:
        return code
    with ports.Reservations() as reservations:
        addresses = _choose_ports(printer, reservations, options)
        mine = replace(mine, ready=True, env=services.env(), url=addresses.url)
        state.write(data, mine)
        _start_processes(supervisor, env | addresses.env(), addresses)
        ready = supervisor.wait(lambda: _answers(addresses), _PATIENCE, poll=0.2)
        if supervisor.stop_requested is None:
            _announce(printer, addresses, data, seconds=time.monotonic() - began, ready=ready)
        _watch(supervisor, data, mine)
        printer.line("arena", "stopping")
        supervisor.stop_all()
    return 0


def _prepare(supervisor: Supervisor, services: Services, env: Mapping[str, str], *, demo: bool | None) -> int:
    """Migrate and seed; the demo goes by default into the embedded database only."""
    wants_demo = services.cluster is not None if demo is None else demo
    supervisor.printer.line("arena", "bringing the database up to date")
    argv = [str(paths.venv_bin() / "python"), "-m", "core.embedded.prepare", *(["--demo"] if wants_demo else [])]
    code = supervisor.run(Spec(name="setup", argv=argv, env=env, cwd=paths.ROOT, restart=False))
    if code not in {0, 3, 130}:
        complain("bin/up: the database could not be brought up to date; the reason is above.")
    return 0 if code == 3 else code


def _choose_ports(printer: Printer, reservations: ports.Reservations, options: argparse.Namespace) -> Addresses:
    chosen = {}
    for name, wanted in (("site", options.port), ("event stream", options.stream_port)):
        chosen[name] = reservations.take(wanted, options.host)
        if chosen[name] != wanted:
            printer.line("arena", f"port {wanted} is taken: the {name} is on port {chosen[name]}")
    return Addresses(options.host, chosen["site"], chosen["event stream"])


def _start_processes(supervisor: Supervisor, env: Mapping[str, str], addresses: Addresses) -> None:
    own_ports = {"web": addresses.web, "stream": addresses.stream}
    for name, command in procfile.read(paths.ROOT / "Procfile").items():
        variables = {key: value for key, value in env.items() if key != "PORT"}
        if name in own_ports:
            variables["PORT"] = str(own_ports[name])
        spec = Spec(name=name, argv=procfile.shell_argv(command), env=variables, cwd=paths.ROOT)
        supervisor.start(spec)


def _status(host: str, port: int, path: str) -> int:
    """Return the HTTP status of a page; 0 when there is no answer."""
    connection = http.client.HTTPConnection(host, port, timeout=3)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def _answers(addresses: Addresses) -> bool:
    """Whether the site calls itself ready and the stream is served at all."""
    host = addresses.browser_host
    return _status(host, addresses.web, "/readyz") == 200 and 0 < _status(host, addresses.stream, "/healthz") < 500


def _announce(printer: Printer, addresses: Addresses, data: Path, *, seconds: float, ready: bool) -> None:
    lines = ["", f"  Trading Arena is at {addresses.url}   (up in {seconds:.1f} s, Ctrl-C stops it)"]
    if not ready:
        lines = ["", f"  Trading Arena is not ready after {_PATIENCE:.0f} s; {addresses.url}/readyz says why."]
    with suppress(OSError, ValueError, KeyError, TypeError):
        people = json.loads((data / "demo-signins.json").read_text())
        width = max(len(person["email"]) for person in people)
        lines.append("  Sign in as:")
        lines += [f"    {person['email']:<{width}}  {person['password']}   {person['role']}" for person in people]
    for line in [*lines, ""]:
        printer.plain(line)


def _watch(supervisor: Supervisor, data: Path, mine: state.State) -> None:
    """Look after the children until a stop is asked for; keep the state's process ids right."""
    known: dict[str, int] = {}
    while supervisor.stop_requested is None:
        running = {child.spec.name: child.pid for child in supervisor.children if child.pid is not None}
        if running != known:
            known = running
            state.write(data, replace(mine, processes=known))
        supervisor.pump(1.0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
