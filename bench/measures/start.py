"""How long a service takes from its start to its first good /readyz, and the memory its processes hold after some work."""

import statistics

from bench.measures.pages import wait_for
from bench.stage import CORES, Stage, cpu_seconds, free_port, listening, own_mb, port_of, resident_mb, wrk
from bench.table import Figure
from tests.whole import PASSWORD, SERVICES, Whole

STARTS = 5
MOST_SECONDS, MOST_MB = 0.7, 50.0


def figures() -> list[Figure]:
    """Cold is a process that nothing has warmed but the disk: databases and keys are there, as after any restart."""
    whole = Whole(demo=True)
    try:
        whole.hm("down")
        found = [figure for service in SERVICES for figure in started(whole, service)]
        whole.hm("up", "--detach")
        used(whole)
        found += [at_rest(whole, service) for service in SERVICES]
    finally:
        whole.close()
    return found


def started(whole: Whole, service: str) -> list[Figure]:
    taken, spent = [], []
    for _ in range(STARTS):
        with Stage() as stage, listening() as socket:
            stage.environ = {**whole.environ, f"HM_{service.upper()}_METRICS_PORT": str(free_port())}
            stage.authority = whole.home / "tls" / "ca.pem"
            process = stage.start(socket, "-m", f"{service}_srv")
            taken.append(wait_for(stage, port_of(socket), "/readyz"))
            spent.append(cpu_seconds(process.pid))
            stage.stop(process)
    beside = f"{statistics.median(spent):.2f} s of a core's time"
    return [Figure(f"cold start of {service}", statistics.median(taken), MOST_SECONDS, "s", True, beside=beside)]


def used(whole: Whole) -> None:
    """A person looks around, and both processes of each service are asked a few hundred times."""
    visitor = whole.visitor()
    visitor.sign_in("nexus", "alice", PASSWORD)
    for service in SERVICES:
        visitor.get(whole.origins[service] + "/")
    for service in SERVICES:
        cookie = "; ".join(f"{one.name}={one.value}" for one in visitor.session.cookies if one.name == f"__Host-hm_{service}")
        for path in ("/", "/companies", "/articles"):
            if visitor.get(whole.origins[service] + path).status_code == 200:
                wrk(whole.origins[service] + path, headers={"Cookie": cookie}, seconds=1, core=CORES[-1])


def at_rest(whole: Whole, service: str) -> Figure:
    pids = [process.pid for process in whole.processes(service)]
    beside = f"the larger of two processes; {max(map(resident_mb, pids)):.0f} MB with what they share"
    return Figure(f"own memory (Pss) of {service}, after use", max(map(own_mb, pids)), MOST_MB, "MB", True, beside=beside)
