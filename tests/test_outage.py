"""What happens to people while a part of the suite is away, restarted or killed."""

import os
import signal
import threading
import time

import pytest
import requests

from tests.whole import SERVICES, within

pytestmark = pytest.mark.journey


def test_while_nexus_is_away_people_go_on_and_sign_in_says_so(whole, visitor):
    visitor.sign_in("wiki", "alice")
    for _ in range(6):
        assert visitor.get(whole.origins["wiki"] + "/").status_code == 200
        assert visitor.get(whole.origins["treasury"] + "/companies").status_code == 200
    whole.hm("supervisorctl", "stop", "nexus:*")
    try:
        within(6, lambda: "Nexus is not answering" in visitor.get(whole.origins["wiki"] + "/articles").text)
        assert visitor.get(whole.origins["wiki"] + "/articles").status_code == 200
        assert "Nexus is not answering" in visitor.get(whole.origins["treasury"] + "/companies").text
        stranger = whole.visitor().get(whole.origins["wiki"] + "/")
        assert stranger.status_code == 503 and "Nexus does not answer" in stranger.text
    finally:
        whole.hm("supervisorctl", "start", "nexus:*")
    within(5, lambda: all("Nexus is not answering" not in visitor.get(whole.origins["wiki"] + "/articles").text for _ in range(6)))
    within(5, lambda: all(whole.visitor().get(whole.origins["wiki"] + "/").status_code == 200 for _ in range(6)))
    assert whole.visitor().sign_in("wiki", "bob").status_code == 200


@pytest.fixture(params=["gone", "stopped still"])
def silence(whole, request):
    """Makes Nexus fall silent: nobody listens, or its processes take connections and never answer."""
    processes = whole.processes("nexus")

    def fall():
        if request.param == "gone":
            whole.hm("supervisorctl", "stop", "nexus:*")
        for process in processes if request.param != "gone" else ():
            os.kill(process.pid, signal.SIGSTOP)

    yield fall
    if request.param == "gone":
        whole.hm("supervisorctl", "start", "nexus:*")
    for process in processes if request.param != "gone" else ():
        os.kill(process.pid, signal.SIGCONT)
    within(8, lambda: all(whole.visitor().get(whole.origins["wiki"] + "/").status_code == 200 for _ in range(6)))


@pytest.mark.parametrize(("service", "person", "path"), [("treasury", "carol", "/agreements"), ("wiki", "bob", "/companies")])
def test_the_first_pages_after_nexus_fell_silent_come_at_once_and_say_so(whole, visitor, silence, service, person, path):
    """A call's own limit is ten seconds; nobody waits for half of that, whichever process answers and whatever it has seen before."""
    visitor.sign_in(service, person)
    for _ in range(6):
        assert visitor.get(whole.origins[service] + path).status_code == 200
    silence()
    first = [visitor.get(whole.origins[service] + path) for _ in range(6)]
    assert [page.status_code for page in first] == [200] * 6
    assert max(page.elapsed.total_seconds() for page in first) < 4.5
    within(8, lambda: "Nexus is not answering" in visitor.get(whole.origins[service] + path).text)


class Asking(threading.Thread):
    """Asks a page again and again on kept connections, until told to stop; remembers every answer that was not 200."""

    def __init__(self, whole, visitor, service):
        super().__init__(daemon=True)
        self.url, self.cookies, self.ca = whole.origins[service] + "/companies", visitor.session.cookies, whole.ca
        self.failures, self.good, self.stopping = [], 0, False

    def run(self):
        session = requests.Session()
        session.verify, session.cookies, session.trust_env = self.ca, self.cookies, False
        while not self.stopping:
            try:
                answer = session.get(self.url, timeout=30, allow_redirects=False)
                if answer.status_code == 200:
                    self.good += 1
                else:
                    self.failures.append(answer.status_code)
            except requests.RequestException as error:
                self.failures.append(repr(error))


def test_a_rolling_restart_loses_no_request(whole, visitor):
    visitor.sign_in("wiki", "alice")
    visitor.get(whole.origins["treasury"] + "/")
    visitor.get(whole.origins["nexus"] + "/")
    before = {process.pid for service in SERVICES for process in whole.processes(service)}
    askers = [Asking(whole, visitor, service) for service in SERVICES for _ in range(2)]
    for asker in askers:
        asker.start()
    whole.hm("restart")
    for asker in askers:
        asker.stopping = True
    for asker in askers:
        asker.join()
    assert [asker.failures for asker in askers] == [[]] * len(askers)
    assert min(asker.good for asker in askers) > 5
    assert not before & {process.pid for service in SERVICES for process in whole.processes(service)}


@pytest.mark.parametrize("service", SERVICES)
def test_a_killed_process_is_back_within_three_seconds_and_sessions_live(whole, visitor, service):
    visitor.sign_in("wiki", "alice")
    visitor.get(whole.origins[service] + "/")
    victim = whole.processes(service)[0]
    os.kill(victim.pid, signal.SIGKILL)
    began = time.monotonic()
    within(
        3, lambda: all(process.state == "RUNNING" for process in whole.processes(service)) and whole.processes(service)[0].pid != victim.pid
    )
    assert time.monotonic() - began < 3
    for _ in range(4):
        page = visitor.get(whole.origins[service] + "/")
        assert page.status_code == 200 and 'name="password"' not in page.text


def test_a_setting_saved_in_one_process_is_known_to_the_others_at_once(whole):
    """Each call is a connection of its own, so both processes answer; none of them with what was before."""
    token = whole.token("alice", "treasury")
    for days in ("21", "14", "30"):
        change = {"settings": {"default_due_days": days}}
        assert whole.api("treasury", "/api/settings", "PATCH", token, json=change).status_code == 200
        seen = [whole.api("treasury", "/api/settings", token=token).json()["settings"]["default_due_days"] for _ in range(12)]
        assert seen == [days] * 12
