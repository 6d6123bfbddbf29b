"""The wall: who may ask, and what every answer carries."""

import pytest

from glassgpt.explorer import create_app
from glassgpt.explorer.gate import HEADERS, MOST_BYTES, Gate

ASK = {"url": "/api/next", "json": {}}


def test_our_own_page_may_ask(client):
    assert client.post(**ASK, headers={"origin": "http://127.0.0.1:8124"}).status_code == 200
    assert client.get("/api/models", headers={"sec-fetch-site": "same-origin"}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8124", "", "localhost.evil.example"])
def test_a_name_that_is_not_this_machine_is_refused(client, host):
    assert client.get("/api/models", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost:9", "127.0.0.1", "[::1]:8124"])
def test_this_machine_has_three_names_and_any_port(client, host):
    assert client.get("/api/models", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:9999", "null", "https://localhost"])
def test_another_page_is_refused(client, origin):
    assert client.post(**ASK, headers={"origin": origin}).status_code == 403
    assert client.get("/api/models", headers={"origin": origin}).status_code == 403


def test_a_request_that_another_site_made_the_browser_send_is_refused(client):
    assert client.post(**ASK, headers={"sec-fetch-site": "cross-site"}).status_code == 403


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_what_a_form_can_send_is_refused(client, kind):
    assert client.post("/api/next", content=b"{}", headers={"content-type": kind}).status_code == 415


def test_a_body_beyond_the_bound_is_refused_before_it_is_read(client):
    said = client.post("/api/tokens", json={"text": "a" * MOST_BYTES})
    assert said.status_code == 413
    assert f"{MOST_BYTES:,}" in said.json()["error"]["message"]


def test_a_body_that_does_not_say_its_length_is_counted(client):
    def parts():
        yield from [b" " * 65536] * (MOST_BYTES // 65536 + 1)

    headers = {"content-type": "application/json"}
    assert client.post("/api/tokens", content=parts(), headers=headers).status_code == 413


@pytest.mark.parametrize("path", ["/", "/api/models", "/api/nothing", "/assets/nothing.js"])
def test_every_answer_carries_the_policy(client, path):
    said = client.get(path)
    assert {name: said.headers[name] for name in HEADERS} == HEADERS
    assert "unsafe" not in said.headers["content-security-policy"]


def test_a_refusal_carries_it_too(client):
    said = client.get("/api/models", headers={"host": "evil.example"})
    assert said.headers["content-security-policy"] == HEADERS["content-security-policy"]


class TestWithAKey:
    @pytest.fixture
    def client(self, workshop):
        from starlette.testclient import TestClient

        return TestClient(create_app(workshop, hosts=None, key="s3cret"), base_url="http://reachable.example")

    def test_without_it_nothing_is_answered(self, client):
        assert client.get("/api/models").status_code == 401
        assert client.get("/api/models?key=wrong").status_code == 401
        assert client.get("/api/models", headers={"cookie": "glassgpt_key=wrong"}).status_code == 401

    def test_the_address_carries_it_once_then_a_cookie_does(self, client):
        first = client.get("/api/models?key=s3cret")
        assert first.status_code == 200
        assert {"httponly", "samesite=strict"} <= {
            part.strip().lower() for part in first.headers["set-cookie"].split(";")
        }
        assert client.get("/api/models").status_code == 200

    def test_a_header_carries_it(self, client):
        assert client.get("/api/models", headers={"authorization": "Bearer s3cret"}).status_code == 200

    def test_an_explorer_for_all_needs_one(self):
        async def app(scope, receive, send): ...

        with pytest.raises(ValueError, match="needs a key"):
            Gate(app, hosts=None)
