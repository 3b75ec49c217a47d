"""Ask a server by plain HTTP and compare what it says, before and after it is put under load."""

import http.client
import json
from dataclasses import replace

from harness.scenarios import Scenario


class WrongAnswerError(Exception):
    """A server answered something else than all the others must."""


def ask(port: int, scenario: Scenario) -> tuple[int, str, bytes]:
    """Return status, content type and body the server at *port* answers *scenario* with.

    Raises:
        OSError: Nothing listens there.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(scenario.method, scenario.path, scenario.body or None, scenario.all_headers())
        response = connection.getresponse()
        return response.status, response.getheader("content-type", ""), response.read()
    finally:
        connection.close()


def check(port: int, scenario: Scenario) -> None:
    """Check that the server at *port* answers *scenario* as it must and refuses its invalid variant.

    Raises:
        WrongAnswerError: It does not.
        OSError: Nothing listens there.
    """
    asked = f"{scenario.method} {scenario.path} at {scenario.version}"
    status, content_type, body = ask(port, scenario)
    if status != scenario.status:
        raise WrongAnswerError(f"{asked}: status {status} instead of {scenario.status}: {body[:300]!r}")
    if not content_type.startswith("application/json"):
        raise WrongAnswerError(f"{asked}: content type {content_type!r} instead of application/json")
    answer = json.loads(body)
    if answer != scenario.answer:
        raise WrongAnswerError(f"{asked}: answered {answer!r}\n  instead of {scenario.answer!r}")
    bad = replace(scenario, path=scenario.bad_path or scenario.path, body=scenario.bad_body)
    status, _, body = ask(port, bad)
    if not 400 <= status < 500:
        raise WrongAnswerError(f"{asked}: status {status} instead of 4xx for an invalid request: {body[:300]!r}")
