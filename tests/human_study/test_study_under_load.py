"""The real server under fire: fifty people at once, kill -9 in the middle, and a thousand hostile requests."""

import random
import re
import socket
import sqlite3
import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from served import Served

pytest.importorskip("uvicorn")
pytestmark = pytest.mark.slow
PEOPLE, TRIALS = 50, 14
DESIGN = ["human_study.images=12", "human_study.repeats=1", "human_study.attention_checks=1"]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    server = Served(tmp_path, *DESIGN)
    yield server
    server.kill()


class Person:
    """Goes through the study over HTTP; `acknowledged` are the answers that the server has confirmed."""

    def __init__(self, address: str, seed: int) -> None:
        self.client = httpx.Client(base_url=address, timeout=60)
        self.source = random.Random(seed)
        self.acknowledged: list[str] = []
        self.seconds: list[float] = []

    def ask(self, method: str, path: str, data: dict[str, str] | None = None) -> httpx.Response:
        began = time.perf_counter()
        response = self.client.request(method, path, data=data)
        self.seconds.append(time.perf_counter() - began)
        return response

    def start(self) -> None:
        assert self.ask("POST", "/start", {"consent": "yes"}).status_code == 303

    def judge_one(self) -> None:
        """One image; the answer is sent twice, as by a double click."""
        page = self.ask("GET", "/trial").text
        position = re.findall(r'name="position" value="(\d+)"', page)[0]
        assert int(position) == len(self.acknowledged)
        (image,) = re.findall(r'src="(/image/\w+)"', page)
        assert self.ask("GET", image).headers["content-type"] == "image/bmp"
        answer = self.source.choice(["real", "generated"])
        for _ in range(2):
            response = self.ask("POST", "/answer", {"position": position, "answer": answer})
            assert response.status_code == 303, response.text
        self.acknowledged.append(answer)

    def identity(self) -> str:
        return self.client.cookies["participant"].partition(".")[0]


def stored(served: Served) -> dict[str, list[str]]:
    """Everyone's answers, in order, read past the server."""
    database = sqlite3.connect(f"file:{served.study / 'study.sqlite'}?mode=ro", uri=True)
    rows = database.execute(
        "SELECT participant, answer FROM trial WHERE answer NOT NULL ORDER BY participant, position"
    )
    found: dict[str, list[str]] = {}
    for participant, answer in rows:
        found.setdefault(participant, []).append(answer)
    database.close()
    return found


def test_of_fifty_people_at_once_no_answer_is_lost(served: Served) -> None:
    def take_part(seed: int) -> Person:
        person = Person(served.address, seed)
        person.start()
        for _ in range(TRIALS):
            person.judge_one()
        assert "Thank you" in person.client.get("/trial", follow_redirects=True).text
        return person

    with ThreadPoolExecutor(PEOPLE) as pool:
        people = list(pool.map(take_part, range(PEOPLE)))
    assert stored(served) == {person.identity(): person.acknowledged for person in people}
    assert sum(map(len, stored(served).values())) == PEOPLE * TRIALS
    seconds = [each for person in people for each in person.seconds]
    print(f"{len(seconds)} requests, median {1000 * statistics.median(seconds):.0f} ms, worst {max(seconds):.2f} s")


def test_kill_9_loses_no_acknowledged_answer(served: Served) -> None:
    people = [Person(served.address, seed) for seed in range(10)]
    killed = threading.Event()

    def take_part(person: Person) -> None:
        person.start()
        try:
            while len(person.acknowledged) < TRIALS:
                person.judge_one()
        except httpx.TransportError:
            assert killed.is_set()

    with ThreadPoolExecutor(len(people)) as pool:
        running = [pool.submit(take_part, person) for person in people]
        while sum(len(person.acknowledged) for person in people) < 30:
            time.sleep(0.01)
        killed.set()
        served.kill()
        for future in running:
            future.result()
    assert any(0 < len(person.acknowledged) < TRIALS for person in people)
    kept = stored(served)
    for person in people:
        mine = kept.get(person.identity(), [])
        assert mine[: len(person.acknowledged)] == person.acknowledged and len(mine) <= len(person.acknowledged) + 1
        person.acknowledged = mine  # an answer may have been stored whose acknowledgement was cut off
    served.start()
    for person in people:
        person.client = httpx.Client(base_url=served.address, cookies=person.client.cookies, timeout=60)
        while len(person.acknowledged) < TRIALS:
            person.judge_one()
    assert stored(served) == {person.identity(): person.acknowledged for person in people}


def test_no_request_makes_the_server_fail(served: Served) -> None:
    person = Person(served.address, 0)
    person.start()
    good = person.client.cookies["participant"]
    image = re.findall(r'src="(/image/\w+)"', person.client.get("/trial").text)[0]
    words = st.text(st.characters(codec="utf-8"), max_size=30)
    gets = st.sampled_from(["/", "/trial", "/end", image, image + "0", "/image/../study.sqlite", "/?token=x"])
    gets |= words.map(lambda text: "/" + text)
    posts = st.sampled_from(["/start", "/answer", "/answer", "/answer"])
    methods = st.sampled_from(["HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "GET", "POST"])
    targets = st.tuples(st.just("GET"), gets) | st.tuples(st.just("POST"), posts) | st.tuples(methods, gets | posts)
    values = st.sampled_from(["0", "1", "-1", "9" * 30, "real", "generated", "yes"]) | words
    names = st.sampled_from(["position", "answer", "consent", "token", "g0"])
    plausible = st.fixed_dictionaries({"position": st.sampled_from(["0", "1", "13", "99999", "-1"]), "answer": values})
    fields = plausible | st.dictionaries(names | words, values, max_size=14)
    bodies = fields.map(lambda each: urlencode(each).encode()) | st.binary(max_size=300) | st.just(b"a=" + b"x" * 3000)
    cookies = st.just(good) | st.sampled_from([good[:-1], good + "0", "", "." * 9, "é.é"]) | words
    headers = st.dictionaries(
        st.sampled_from(["Content-Type", "Range", "Cookie", "X-Forwarded-Host", "Accept-Encoding", "Host", "Origin"]),
        st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30).map(str.strip),
        max_size=2,
    )
    statuses: Counter[int] = Counter()
    refused: Counter[str] = Counter()

    @settings(max_examples=1300, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(targets, bodies, cookies, headers)
    def send(target: tuple[str, str], body: bytes, cookie: str, more: dict[str, str]) -> None:
        method, path = target
        sent = {"Cookie": f"participant={cookie}".encode()} | {k: v.encode() for k, v in more.items()}
        try:
            with httpx.Client(base_url=served.address, timeout=5) as client:
                response = client.request(method, path, content=body, headers=sent)
        except (httpx.LocalProtocolError, httpx.InvalidURL, httpx.WriteError) as error:
            refused[type(error).__name__] += 1  # never sent, or cut off by the server for its length
            return
        statuses[response.status_code] += 1
        assert response.status_code < 500, (method, path, body, response.text)

    send()
    for length in (b"9", b"-1", b"x", b"99999999999999999999"):  # lies that httpx does not tell
        with socket.create_connection(("127.0.0.1", served.port), timeout=5) as line:
            line.sendall(b"POST /answer HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + length + b"\r\n\r\na=")
            line.shutdown(socket.SHUT_WR)
            assert re.match(rb"$|HTTP/1.1 4\d\d ", line.recv(100))
    print(dict(statuses), dict(refused))
    assert statuses.keys() >= {200, 303, 400, 403, 404, 405, 413}
    assert statuses.total() >= 1000 and served.process.poll() is None
    assert "Traceback" not in served.log.read_text()
    assert person.client.get("/trial", follow_redirects=True).status_code == 200
