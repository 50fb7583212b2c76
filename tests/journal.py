"""Writes that a suite acknowledged while it was being hurt, compared with what it holds afterwards."""

import itertools
import threading
import time
import uuid
from collections import Counter
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import requests

from tests.running import until

PATIENCE_SECONDS = 120


@dataclass(frozen=True)
class Kind:
    """What is written where: ``body`` makes it out of the words by which ``field`` shows it later."""

    service: str
    path: str
    field: str
    body: object


def kinds(company_id):
    """One kind of record a service."""
    return [
        Kind("nexus", "/api/companies", "name", lambda words: {"name": words}),
        Kind("wiki", "/api/articles", "title", lambda words: {"title": words, "body": words}),
        Kind(
            "treasury",
            "/api/labour-entries",
            "description",
            lambda words: {"company_id": company_id, "worked_at": "2026-01-05T09:00:00Z", "hours": "0.25", "description": words},
        ),
    ]


class Writer(threading.Thread):
    """Writes one record after another, and notes the words of those that were answered 201. Nothing is sent twice."""

    def __init__(self, whole, kind, username="admin"):
        super().__init__(daemon=True)
        self.whole, self.kind, self.username = whole, kind, username
        self.run_id, self.acknowledged, self.unanswered, self.stopping = uuid.uuid4().hex[:8], [], 0, threading.Event()
        self._token = None

    def run(self):
        for number in itertools.count():
            if self.stopping.is_set():
                return
            words = f"Journal {self.run_id} {number}"
            if self._wrote(words):
                self.acknowledged.append(words)
            else:
                self.unanswered += 1
                self.stopping.wait(0.05)

    def _wrote(self, words):
        try:
            self._token = self._token or self.whole.token(self.username, self.kind.service)
            answer = self.whole.api(self.kind.service, self.kind.path, "POST", self._token, json=self.kind.body(words))
        except (requests.RequestException, AssertionError):  # no answer, or no token while Nexus is away
            return False
        if answer.status_code == 401:
            self._token = None
        return answer.status_code == 201

    def held(self):
        """How often the service holds each of the words of this run."""
        token, found, cursor = self.whole.token(self.username, self.kind.service), Counter(), ""
        while cursor is not None:
            params = {"limit": "1000", **({"cursor": cursor} if cursor else {})}
            answer = self.whole.api(self.kind.service, self.kind.path, token=token, params=params)
            page = answer.json()
            items = page if isinstance(page, list) else page["items"]
            found.update(item[self.kind.field] for item in items if self.run_id in item[self.kind.field])
            following = parse_qs(urlsplit(answer.links.get("next", {}).get("url", "")).query).get("cursor", [None])[0]
            cursor = following if isinstance(page, list) else page["next_cursor"]
        return found


class Repeating(Writer):
    """Sends each record under a key of its own, again and again until it is answered, as a program should."""

    def __init__(self, whole, kind, username="admin"):
        super().__init__(whole, kind, username)
        self.answers, self.unexpected = {}, []

    def run(self):
        for number in itertools.count():
            if self.stopping.is_set():
                return
            words = f"Journal {self.run_id} {number}"
            given_up_at = time.monotonic() + PATIENCE_SECONDS
            while not self._answered(words):
                self.unanswered += 1
                if time.monotonic() > given_up_at:
                    self.unexpected.append((words, 0, "nobody answered"))
                    return
                time.sleep(0.05)
            self.acknowledged.append(words)

    def _answered(self, words):
        """Whether the record was answered for good: made, or something that repeating does not change."""
        answer = self.send(words)
        if answer is None or answer.status_code in (401, 502, 503):
            return False
        if answer.status_code == 201:
            self.answers[words] = answer.content
        else:
            self.unexpected.append((words, answer.status_code, answer.text))
        return True

    def send(self, words):
        """The record under its key; None when nobody answered."""
        headers = {"Idempotency-Key": words}
        try:
            self._token = self._token or self.whole.token(self.username, self.kind.service)
            answer = self.whole.api(self.kind.service, self.kind.path, "POST", self._token, json=self.kind.body(words), headers=headers)
        except (requests.RequestException, AssertionError):  # no answer, or no token while Nexus is away
            return None
        if answer.status_code == 401:
            self._token = None
        return answer

    def compare_answers(self):
        """Every record was answered, is there once, and the same request gets the same answer still. Raises AssertionError."""
        assert self.unexpected == []
        assert self.held() == Counter(self.answers.keys())
        for words in self.acknowledged[-20:]:
            assert self.send(words).content == self.answers[words]


class Journal:
    """Writers for each service, from ``with`` on; at its end ``lost`` and ``doubled`` are what must be empty."""

    def __init__(self, whole, services=("nexus", "wiki", "treasury"), writer=Writer, each=1):
        made = whole.api("nexus", "/api/companies", "POST", whole.token("admin"), json={"name": f"Journal's own {uuid.uuid4().hex[:8]}"})
        assert made.status_code == 201, made.text
        self.writers = [writer(whole, kind) for kind in kinds(made.json()["id"]) if kind.service in services for _ in range(each)]

    def __enter__(self):
        for writer in self.writers:
            writer.start()
        return self

    def __exit__(self, *_):
        for writer in self.writers:
            writer.stopping.set()
        for writer in self.writers:
            writer.join()

    def until_each_has(self, least, seconds=60):
        """Wait until each service has acknowledged so many. Raises AssertionError when they do not."""
        assert until(lambda: min(len(writer.acknowledged) for writer in self.writers) >= least, seconds), "nothing is acknowledged"

    def compare(self):
        """Every acknowledged write is there once; how many there were of each service. Raises AssertionError."""
        for writer in self.writers:
            held = writer.held()
            lost = [words for words in writer.acknowledged if not held[words]]
            doubled = [words for words, times in held.items() if times > 1]
            assert (lost, doubled) == ([], []), f"{writer.kind.service} lost {lost} and holds twice {doubled}"
        return {writer.kind.service: len(writer.acknowledged) for writer in self.writers}
