# SPDX-License-Identifier: Apache-2.0
"""etc/openapi.yaml says what the server does: its routes, their methods, and every member of their answers."""
import collections
import datetime
import http.client
import json
import re
import signal
import urllib.parse

import jsonschema
import pytest
import yaml

from servers import free_port
from stack import ROOT, account_id, user, wait_until

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
SECRET = "open sesame"


class Document:
    def __init__(self, text):
        self.root = yaml.load(text, Loader=yaml.CSafeLoader)
        self.resolver = jsonschema.RefResolver("", self.root)

    def find(self, node):
        """What a reference leads to; anything else is itself."""
        while "$ref" in node:
            _, node = self.resolver.resolve(node["$ref"])
        return node

    def operations(self):
        """[(path, method, operation)]"""
        return [(path, method.upper(), operation) for path, item in self.root["paths"].items()
                for method, operation in item.items() if method in METHODS]

    def parameters(self, path, operation, place):
        """{name: parameter} of an operation, its path's included."""
        found = map(self.find, self.root["paths"][path].get("parameters", []) + operation.get("parameters", []))
        return {parameter["name"]: parameter for parameter in found if parameter["in"] == place}

    def nodes(self, node=None, place="#"):
        """Every object of the document, with its place."""
        node = self.root if node is None else node
        if isinstance(node, dict):
            yield place, node
        for name, child in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
            assert child is not None, f"{place}/{name} is null"
            yield from self.nodes(child, f"{place}/{name}")

    def validator(self, schema):
        return jsonschema.Draft202012Validator(schema, resolver=self.resolver, format_checker=jsonschema.FormatChecker())

    def validate(self, schema, value, what):
        wrong = [f"{error.json_path}: {error.message}" for error in self.validator(schema).iter_errors(value)]
        assert not wrong, f"{what}: {wrong}\n{json.dumps(value)[:2000]}"

    def parts(self, schema, value):
        """The schema and those that it is made of, as far as they are about this value."""
        yield schema
        if "$ref" in schema:
            yield from self.parts(self.find(schema), value)
        for part in schema.get("allOf", []):
            yield from self.parts(part, value)
        for part in schema.get("oneOf", []) + schema.get("anyOf", []):
            if self.validator(part).is_valid(value):
                yield from self.parts(part, value)

    def undescribed(self, schema, value, place="$"):
        """Members of a valid value that no schema speaks of. Consumers ignore those, but this server has none."""
        if not isinstance(schema, dict):
            return
        parts = list(self.parts(schema, value))
        if isinstance(value, list):
            for items in [part["items"] for part in parts if "items" in part]:
                for number, item in enumerate(value):
                    yield from self.undescribed(items, item, f"{place}[{number}]")
        elif isinstance(value, dict):
            for name, member in value.items():
                about = [part["properties"][name] for part in parts if name in part.get("properties", {})]
                about = about or [part["additionalProperties"] for part in parts if "additionalProperties" in part]
                if not about:
                    yield f"{place}.{name}"
                for each in about:
                    yield from self.undescribed(each, member, f"{place}.{name}")

    def check_request(self, path, method, query, body):
        operation = self.root["paths"][path][method.lower()]
        known = self.parameters(path, operation, "query")
        assert set(query) <= set(known), f"{method} {path} has no parameter {set(query) - set(known)}"
        for name, value in query.items():
            self.validate(known[name]["schema"], value, f"{method} {path} ?{name}")
        if isinstance(body, dict):
            self.validate(operation["requestBody"]["content"]["application/json"]["schema"], body, f"body of {method} {path}")
        else:
            assert body is None or "application/x-ndjson" in operation["requestBody"]["content"]
            assert body is not None or not operation.get("requestBody", {}).get("required")

    def check_answer(self, path, method, status, headers, text):
        """Gives the body, read."""
        responses = self.root["paths"][path][method.lower()]["responses"]
        assert str(status) in responses, f"{method} {path} answered {status}, which is not described: {text}"
        response = self.find(responses[str(status)])
        for name, header in response.get("headers", {}).items():
            assert not header.get("required") or name in headers, f"{method} {path} {status} has no header {name}"
            self.validate(header["schema"], int(headers[name]), name)
        kind = headers["Content-Type"].partition(";")[0]
        assert kind in response["content"], f"{method} {path} answered {status} with {kind}"
        body = json.loads(text) if kind == "application/json" else text
        schema = response["content"][kind]["schema"]
        self.validate(schema, body, f"{method} {path} {status}")
        assert not list(self.undescribed(schema, body)), f"{method} {path} {status} does not describe {body}"
        return body


@pytest.fixture(scope="module")
def document():
    return Document((ROOT / "etc/openapi.yaml").read_text())


class Client:
    """Asks over TCP. What is asked and answered is held against the document."""

    def __init__(self, document, port):
        self.document, self.port, self.asked = document, port, set()

    def send(self, method, target, body=None, secret=SECRET):
        """(status, headers, text)"""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        text = json.dumps(body) if isinstance(body, dict) else body
        connection.request(method, target, text and text.encode(), {"X-Cron-Secret": secret} if secret else {})
        answer = connection.getresponse()
        result = answer.status, answer.headers, answer.read().decode()
        connection.close()
        return result

    @staticmethod
    def target(path, query, names):
        path = re.sub(r"{(\w+)}", lambda name: urllib.parse.quote(str(names[name[1]]), safe=""), path)
        texts = {name: json.dumps(value) if isinstance(value, bool) else value for name, value in query.items()}
        return path + ("?" + urllib.parse.urlencode(texts) if query else "")

    def ask(self, method, path, expect=200, body=None, query=None, secret=SECRET, **names):
        """What a successful answer says; of a failure, the code."""
        query = query or {}
        if expect < 300:
            self.document.check_request(path, method, query, body)
        status, headers, text = self.send(method, self.target(path, query, names), body, secret)
        assert status == expect, f"{method} {path} answered {status}: {text}"
        answer = self.document.check_answer(path, method, status, headers, text)
        if status >= 400:
            return answer["error"]["code"]
        self.asked.add((path, method))
        return answer["data"] if isinstance(answer, dict) and "data" in answer else answer

    def error(self, status, headers, text):
        """Of an answer that belongs to no operation."""
        answer = json.loads(text)
        assert headers["Content-Type"] == "application/json"
        self.document.validate({"$ref": "#/components/schemas/Error"}, answer, f"an answer {status}")
        return status, answer["error"]["code"]


@pytest.fixture
def make_client(make_stack, document):
    def make(config=""):
        stack = make_stack()
        port = free_port()
        secret = stack.dir / "cron-secret"
        secret.write_text(SECRET + "\n")
        stack.extra_config = (f"listen: [\"unix:{stack.dir}/state/tallyd.sock\", \"127.0.0.1:{port}\"]\n"
                              f"api: {{ cron_secret: \"file:{secret}\" }}\n" + config)
        stack.write_config(stack.extra_config)
        return stack.start(), Client(document, port)
    return make


def test_the_document_is_consistent(document):
    operations = document.operations()
    ids = [operation["operationId"] for _, _, operation in operations]
    assert len(ids) == len(set(ids)) > 0
    for path, method, operation in operations:
        declared = document.parameters(path, operation, "path")
        assert set(declared) == set(re.findall(r"{(\w+)}", path)), f"{method} {path}"
        assert all(parameter["required"] for parameter in declared.values()), f"{method} {path}"
        assert operation["summary"] and "\n" not in operation["summary"] and "default" in operation["responses"]
    for place, node in document.nodes():
        if isinstance(node.get("$ref"), str):
            document.find(node)
        if isinstance(node.get("schema"), dict) and "/properties" not in place:
            jsonschema.Draft202012Validator.check_schema(node["schema"])
        if isinstance(node.get("required"), list) and isinstance(node.get("properties"), dict):
            assert set(node["required"]) <= set(node["properties"]), place
    for schema in document.root["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_no_route_and_no_code_of_an_error_is_missing(document):
    sources = "".join(path.read_text() for path in sorted((ROOT / "daemon/api").glob("*.cpp")))
    literals = set(re.findall(r'"((?:/api/|/metrics)[^"]*)"', sources))
    missing = [text for text in literals if not any((path + "/").startswith(text + "/") for path in document.root["paths"])]
    assert literals and not missing, f"not described: {missing}"
    added = collections.Counter(re.findall(r'\badd\(\s*"([A-Z]+)"', sources))
    assert added == collections.Counter(method for _, method, _ in document.operations())
    codes = set(re.findall(r'\b[45][0-9][0-9], "([a-z_]+)"', sources))
    assert codes == set(document.root["components"]["schemas"]["Error"]["properties"]["error"]["properties"]["code"]["enum"])


def test_every_path_has_the_methods_that_are_described_and_asks_for_the_secret(make_client, document):
    _, client = make_client()
    names = {"user": "u", "platform": "youtube", "account": "a", "id": 1, "name": "n", "week": "2026-11-09"}
    for path in document.root["paths"]:
        target = client.target(path, {}, names)
        # .../users/import is also where a user of that name would be.
        described = {method for other, method, _ in document.operations() if re.fullmatch(re.sub(r"{\w+}", "[^/]+", other), target)}
        for method in ("PATCH", "TRACE"):
            status, headers, text = client.send(method, target)
            assert client.error(status, headers, text) == (405, "method_not_allowed"), path
            assert set(headers["Allow"].split(", ")) == described | ({"HEAD"} if "GET" in described else set()), path
    assert client.error(*client.send("GET", "/api/nothing")) == (404, "not_found")
    assert client.error(*client.send("GET", "/api/internal/users?user=%zz")) == (400, "bad_request")

    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=60)
    connection.putrequest("POST", "/api/internal/users/import")
    connection.putheader("Content-Length", str(2**21 + 1))
    connection.endheaders()
    answer = connection.getresponse()
    assert client.error(answer.status, answer.headers, answer.read()) == (413, "too_large")

    # Whoever does not know the secret is told so, whatever he asks for; at last he is not listened to.
    for path, method, operation in document.operations():
        if "security" in operation:
            assert operation["security"] == [] and method == "GET"
            client.ask(method, path, secret=None)
        else:
            assert client.ask(method, path, expect=401, secret=None, **names) == "unauthorized"
    assert client.error(*client.send("GET", "/api/nothing", secret="open says me")) == (401, "unauthorized")
    assert any(client.send("GET", "/metrics", secret="open says me")[0] == 429 for _ in range(100))
    for path, method, operation in document.operations():
        if "security" not in operation:
            assert client.ask(method, path, expect=429, **names) == "too_many_failures"
    assert client.ask("GET", "/api/health")["status"] == "healthy"


def day(days):
    return str(datetime.datetime.now(datetime.timezone.utc).date() + datetime.timedelta(days=days))


def test_every_answer_is_as_described(make_client, document):
    stack, client = make_client("alerts: { disk: 1, channels: { works: { command: /bin/true }, broken: { command: /bin/false } } }\n")
    ask = client.ask
    stack.control("remove-metric", platform="youtube", metric="shares")

    # Users.
    one, users = "/api/internal/users/{user}", "/api/internal/users"
    everybody = [user(1), user(2, "free", platforms=("youtube", "twitch"))]
    for each in everybody:
        document.validate({"$ref": "#/components/schemas/ImportedUser"}, each, "a user to import")
    taken = ask("POST", users + "/import", body="".join(json.dumps(line) + "\n" for line in everybody + [{"id": "x", "tier": "nope"}]))
    assert taken["users"] == 2 and [refused["line"] for refused in taken["refused"]] == [3]
    assert ask("PUT", one, 201, user="acme", body={"tier": "free", "zone": "Europe/Berlin"})["created"]
    assert not ask("PUT", one, user="acme", query={"create": "never"}, body={"tier": "premium"})["created"]
    assert ask("PUT", one, 409, user="acme", query={"create": "only"}, body={"tier": "free"}) == "failed"
    assert ask("PUT", one, 404, user="nobody", query={"create": "never"}, body={"tier": "free"}) == "not_found"
    assert ask("PUT", one, 400, user="acme", body={"tier": "golden"}) == "bad_request"
    page = ask("GET", users, query={"limit": 2})
    assert [each["id"] for each in page["users"]] == ["acme", "user-1"] and page["next"]
    rest = ask("GET", users, query={"limit": 2, "after": page["next"], "tier": "free"})
    assert [each["id"] for each in rest["users"]] == ["user-2"] and rest["next"] is None
    assert ask("GET", users, 400, query={"limit": 0}) == "bad_request"
    assert len(ask("GET", one, user="user-2")["connections"]) == 2
    assert ask("GET", one, 404, user="nobody") == "not_found"

    # Connections, and what they wait for.
    connection = one + "/connections/{platform}/{account}"
    youtube = {"user": "user-1", "platform": "youtube", "account": account_id("youtube", 1)}
    twitch = {"user": "user-2", "platform": "twitch", "account": account_id("twitch", 2)}
    absent = {"user": "user-1", "platform": "youtube", "account": "absent"}
    new = {"user": "acme", "platform": "twitch", "account": account_id("twitch", 3)}
    token = {"access_token": f"sim.twitch.{new['account']}", "expires_at": "2099-01-01T00:00:00Z"}
    added = ask("PUT", connection, 201, **new, body={"token": token, "source": "the test", "attributes": {"note": "new"}})
    assert added["state"] == "active" and added["expires_at"] and added["attributes"]["note"] == "new"
    assert ask("PUT", connection, **new, body={"token": token["access_token"]})["expires_at"] is None
    assert ask("PUT", connection, 400, **new, body={"tokn": "t"}) == "bad_request"
    assert ask("PUT", connection, 404, **new | {"user": "nobody"}, body={"token": "t"}) == "not_found"
    stack.collect(expect=(0, 3))
    assert ask("GET", connection, **youtube)["last_run"]["state"] in ("succeeded", "partial")
    page = ask("GET", "/api/internal/connections", query={"limit": 8})
    assert len(page["connections"]) == 8 and page["next"]
    [last] = ask("GET", "/api/internal/connections", query={"after": page["next"]})["connections"]
    assert last["user_id"] == "acme"
    assert ask("GET", connection + "/why", **youtube)["reason"] in ("not_due", "due", "running")
    assert ask("POST", connection + "/pause", **youtube)["state"] == "paused"
    assert ask("GET", "/api/internal/connections", query={"state": "paused", "platform": "youtube", "user": "user-1",
                                                          "account": youtube["account"]})["next"] is None
    assert ask("GET", connection + "/why", **youtube)["reason"] == "paused"
    odd = new | {"account": account_id("twitch", 4)}
    ask("PUT", connection, 201, **odd, body={"token": "t", "attributes": {"app": "unknown"}})
    assert ask("POST", connection + "/check", 422, **odd) == "configuration"
    assert "unknown" in {each["app"] for each in ask("GET", "/api/internal/load")["connections"]}
    # A run group that goes on for ever, one that failed, somebody who must log in again, and slots that were late.
    stack.sql("INSERT INTO triggers (run_group, connection_id, from_day, to_day)"
              " SELECT 9001, connection_id, '2026-01-01', '2026-01-02' FROM connections WHERE state = 'paused'")
    stack.sql("INSERT INTO triggers (run_group, connection_id, state, run_id)"
              " SELECT 9002, connection_id, 'failed', run_id FROM runs ORDER BY run_id LIMIT 1")
    stack.sql("UPDATE connections SET state = 'needs_authorization', state_reason = 'refused'"
              f" WHERE account_id = '{twitch['account']}'")
    stack.sql("INSERT INTO run_stats (hour, tier, platform, node, succeeded, partial, failed, requests, rows_written, rows_changed,"
              " lateness) VALUES (date_trunc('hour', now()), 'premium', 'twitch', 'gone', 6, 0, 0, 6, 6, 6, '{3, 2, 1}')")
    assert ask("GET", connection + "/why", **twitch)["reason"] == "needs_authorization"
    status = ask("GET", "/api/internal/status")
    assert [group["run_group"] for group in status["backfills"]] == [9001] and status["attention"] and status["runs"]["last_finished_at"]
    assert [tier["lateness"]["slots"] for tier in status["tiers"] if tier["name"] == "premium"][0] >= 6
    assert ask("GET", "/api/internal/run-groups/{id}", id=9001)["requests_left"] is None
    assert len(ask("GET", "/api/internal/run-groups/{id}", id=9002)["failures"]) == 1
    assert ask("POST", connection + "/resume", **youtube)["state"] == "active"
    assert ask("POST", connection + "/check", **youtube)["ok"]
    checked = ask("POST", connection + "/check-metrics", **youtube)["metrics"]
    assert "refused" in {each["result"] for each in checked if each["metric"] == "shares"}
    assert "works" in {each["result"] for each in checked if each["metric"] == "views"}
    for method, action in (("GET", ""), ("GET", "/why"), ("DELETE", ""), ("POST", "/pause"), ("POST", "/resume"), ("POST", "/check"),
                           ("POST", "/check-metrics")):
        assert ask(method, connection + action, 404, **absent) == "not_found"

    # Logging in.
    login = connection + "/login"
    begun = ask("POST", login, **new, body={"with": []})
    assert begun["flow"] == "device"
    assert ask("POST", login + "/finish", **new, body={"flow": "device", "device_code": begun["device_code"]})["pending"]
    channel = new | {"platform": "youtube", "account": account_id("youtube", 3)}
    stack.control("person", platform="youtube", account=channel["account"])
    begun = ask("POST", login, **channel, body={"flow": "code", "redirect_uri": "http://localhost:8000", "attributes": {"note": "new"}})
    page = urllib.parse.urlsplit(begun["url"])
    browser = http.client.HTTPConnection(page.netloc)
    browser.request("GET", f"{page.path}?{page.query}")
    end = {name: begun[name] for name in ("login", "flow", "redirect_uri", "state", "verifier")} | {
        "pasted": browser.getresponse().headers["Location"], "source": "the test"}
    done = ask("POST", login + "/finish", **channel, body=end)
    assert not done["pending"] and done["renewable"] and done["connection"]["state"] == "active"
    assert ask("POST", login + "/finish", 409, **channel, body=end) == "failed"
    assert ask("POST", login, 400, **channel, body={"flow": "dance"}) == "bad_request"
    assert ask("POST", login, 404, **channel | {"user": "nobody"}, body={}) == "not_found"

    # Collecting.
    trigger, group = "/api/internal/analytics/trigger-collection", "/api/internal/run-groups/{id}"
    plan = ask("POST", trigger, body={"user": "user-1", "from": day(-200), "to": day(-5), "dry_run": True})
    assert any(each["requests"] for each in plan["connections"]) and any(each["limits"] for each in plan["cost"]) and plan["notes"]
    assert ask("POST", trigger, body={"user": "acme", "account": odd["account"], "dry_run": True})["connections"][0]["note"]
    triggered = ask("POST", trigger, 202, body={"user": "user-1", "from": day(-2)})
    assert triggered["connections"] == 6
    wait_until(lambda: ask("GET", group, id=triggered["run_group"])["waiting"] == 0, what="the start")
    wait_until(lambda: ask("GET", group, id=triggered["run_group"])["running"] == 0, what="the end")
    ask("POST", trigger, 202)
    assert ask("POST", trigger, 400, body={"platform": "myspace"}) == "bad_request"
    assert ask("POST", trigger, 404, body={"user": "nobody"}) == "not_found"
    assert ask("GET", group, 404, id=10**9) == "not_found"
    assert ask("GET", group, 400, id="soon") == "bad_request"
    jobs = ask("GET", "/api/internal/jobs", query={"limit": 5, "user": "user-1"})["jobs"]
    assert len(jobs) == 5 and ask("GET", "/api/internal/jobs", query={"state": "failed", "platform": "youtube"})["jobs"] == []
    assert ask("GET", "/api/internal/jobs/{id}", id=jobs[0]["id"])["node"]
    assert ask("GET", "/api/internal/jobs/{id}", 404, id=10**9) == "not_found"
    page = ask("GET", "/api/internal/jobs", query={"limit": 2, "user": "user-1"})
    rest = ask("GET", "/api/internal/jobs", query={"limit": 3, "user": "user-1", "after": page["next"]})
    everything = [each["id"] for each in ask("GET", "/api/internal/jobs", query={"limit": 1000, "user": "user-1"})["jobs"]]
    begin = everything.index(page["jobs"][0]["id"])  # newer ones may have come
    assert [each["id"] for each in page["jobs"] + rest["jobs"]] == everything[begin:begin + 5]
    assert ask("GET", "/api/internal/jobs", 400, query={"after": "soon"}) == "bad_request"
    coverage = "/api/internal/coverage"
    [mine] = ask("GET", coverage, query=youtube | {"from": day(-9)})["connections"]
    assert mine["requests"] and mine["refused"]
    assert ask("GET", coverage, query={"user": "user-1", "after": 0})["connections"]
    assert {total["tier"] for total in ask("GET", coverage, query={"to": day(-1)})["groups"]} == {"free", "premium"}
    assert ask("GET", coverage, 400, query={"from": "yesterday"}) == "bad_request"
    assert ask("GET", coverage, 404, query={"user": "nobody"}) == "not_found"

    # What the numbers came to.
    analytics = "/api/analytics/"
    stack.await_descriptions()
    overview = ask("GET", analytics + "overview", query={"user": "user-1"})
    assert {each["platform"] for each in overview["metrics"]} == {"facebook", "instagram", "snapchat", "snapchat_profile", "twitch", "youtube"}
    assert {each["summary"] for each in overview["metrics"]} == {"total", "average", "latest"} and any(each["trend"] for each in overview["metrics"])
    [views] = ask("GET", analytics + "overview", query=youtube | {"metric": "views", "source": "social_media", "from": day(-9), "to": day(-3)})["metrics"]
    assert (views["days_known"], views["days_missing"]) == (7, 0) and views["before"] and views["change"] is not None
    charts = ask("GET", analytics + "charts", query=youtube | {"from": day(-9)})
    assert len(charts["dates"]) == 10 and all(len(each["values"]) == len(each["final"]) == 10 for each in charts["series"])
    details = ask("GET", analytics + "detailed", query={"user": "user-1", "limit": 50})
    seen = [details["metrics"]]
    while details["next"]:
        details = ask("GET", analytics + "detailed", query={"user": "user-1", "limit": 50, "after": details["next"]})
        seen.append(details["metrics"])
    names = [(each["platform"], each["account_id"], each["source"], each["metric"]) for page in seen for each in page]
    assert len(seen) > 1 and names == sorted(set(names)) and all(len(page) == 50 for page in seen[:-1])
    growth = [each["change_percent"] for each in ask("GET", analytics + "growth", query={"user": "user-1", "to": day(-4), "from": day(-10), "limit": 5})["metrics"]]
    assert len(growth) == 5 and growth == sorted(growth, reverse=True)
    breakdowns = ask("GET", analytics + "content", query={"user": "user-1", "platform": "instagram"})["breakdowns"]
    [kinds] = [each for each in breakdowns if (each["metric"], each["dimension"]) == ("views", "media_product_type")]
    assert len(kinds["parts"]) > 1 and "" not in {each["part"] for each in kinds["parts"]}
    breakdowns = ask("GET", analytics + "content", query={"user": "user-1", "platform": "facebook"})["breakdowns"]
    [reactions] = [each for each in breakdowns if each["metric"] == "page_actions_post_reactions_total"]
    assert reactions["dimension"] == "" and {"like", "love"} <= {each["part"] for each in reactions["parts"]}
    mine = ask("GET", analytics + "jobs", query={"user": "user-1", "platform": "twitch", "limit": 1, "state": "succeeded"})
    assert [each["user_id"] for each in mine["jobs"]] == ["user-1"] and mine["next"]
    assert ask("GET", analytics + "jobs", query={"user": "user-1", "limit": 1, "after": mine["next"]})["jobs"]
    assert ask("GET", analytics + "system")["platforms"] and ask("GET", analytics + "health")["services"]
    for route in ("overview", "charts", "detailed", "growth", "content"):
        assert ask("GET", analytics + route, 400) == "bad_request"
        assert ask("GET", analytics + route, 404, query={"user": "nobody"}) == "not_found"
        assert ask("GET", analytics + route, 400, query={"user": "user-1", "from": day(-400)}) == "bad_request"
        assert not any("user-2" in json.dumps(each) for each in ask("GET", analytics + route, query={"user": "user-1"}).values())
    assert ask("GET", analytics + "detailed", 400, query={"user": "user-1", "after": "1/2"}) == "bad_request"
    assert ask("GET", analytics + "jobs", 400) == "bad_request"
    number = youtube | {"metric": "views", "date": day(-5)}
    told = ask("GET", "/api/internal/explain", query=number)
    assert told["state"] == ("final" if told["number"]["final"] else "provisional") and told["run"]["id"] == told["number"]["run_id"]
    assert told["request"]["window"]["zone"] == "America/Los_Angeles" and "sim.youtube" not in json.dumps(told)
    assert ask("GET", "/api/internal/explain", query=number | {"date": day(5)})["state"] == "impossible"
    assert ask("GET", "/api/internal/explain", query=youtube | {"metric": "subscriberCount", "date": day(0)})["request"]["window"] is None
    assert ask("GET", "/api/internal/explain", 404, query=number | {"metric": "nothing"}) == "not_found"
    assert ask("GET", "/api/internal/explain", 404, query=number | {"account": "nobody"}) == "not_found"
    assert ask("GET", "/api/internal/explain", 400, query=youtube | {"metric": "views"}) == "bad_request"

    # Reports.
    reports, report = "/api/internal/reports", one + "/reports/{week}"
    assert ask("PUT", one, user="user-1", body={"report_to": "one@example.com"})["id"] == "user-1"
    assert ask("GET", one, user="user-1")["report_to"] == "one@example.com"
    assert ask("PUT", one, 400, user="user-1", body={"report_to": "one"}) == "bad_request"
    assert ask("GET", report, 404, user="user-1", week="latest") == "not_found"
    built = ask("POST", one + "/reports", user="user-1", body={})
    assert built["metrics"] > 0 and built["mail"] == "none"
    assert ask("POST", one + "/reports", user="user-1", body={"week": built["last"]})["first"] == built["first"]
    assert ask("POST", one + "/reports", 400, user="user-1", body={"week": day(0)}) == "bad_request"
    assert ask("POST", one + "/reports", 404, user="nobody", body={}) == "not_found"
    assert ask("GET", report, user="user-1", week="latest").startswith("<!DOCTYPE html>")
    assert ask("GET", report, user="user-1", week=built["last"], query={"format": "text"}).startswith("user-1: ")
    assert ask("GET", report, 400, user="user-1", week="latest", query={"format": "pdf"}) == "bad_request"
    assert ask("GET", report, 400, user="user-1", week="soon") == "bad_request"
    assert ask("POST", report + "/mail", 422, user="user-1", week="latest") == "configuration"
    stack.write_config(stack.extra_config + "smtp: { url: \"smtp://127.0.0.1:1\", from: tally@example.com }\n")
    stack.daemon.send_signal(signal.SIGHUP)
    wait_until(lambda: client.send("POST", client.target(report + "/mail", {}, {"user": "user-1", "week": "latest"}))[0] == 202, what="the reload")
    assert ask("POST", report + "/mail", 202, user="user-1", week="latest")["to"] == "one@example.com"
    assert ask("POST", report + "/mail", 404, user="user-2", week="latest") == "not_found"
    ask("POST", one + "/reports", user="user-2", body={})
    assert ask("POST", report + "/mail", 409, user="user-2", week="latest") == "failed"
    wait_until(lambda: ask("GET", reports, query={"user": "user-1"})["reports"][0]["mail_error"], what="a mail server that is away")
    page = ask("GET", reports, query={"limit": 1, "week": built["first"]})
    assert len(page["reports"]) == 1 and ask("GET", reports, query={"after": page["next"]})["reports"]
    assert ask("GET", reports, 400, query={"after": "soon"}) == "bad_request"

    # Operation.
    refused = ask("GET", "/api/internal/quarantine", query={"platform": "youtube"})["quarantine"]
    assert "shares" in {each["metric"] for each in refused}
    stack.sql("INSERT INTO rate_budgets (platform, scope, key, name, blocked_until, reason)"
              " VALUES ('twitch', 'account', '77', '', now() + interval '1 hour', 'told to wait')")
    spent = ask("GET", "/api/internal/budgets")
    assert None in {each["limit"] for each in spent["budgets"]} and spent["spenders"]
    for path in ("/api/internal/quarantine", "/api/internal/budgets", coverage):
        assert ask("GET", path, 400, query={"platform": "myspace"}) == "bad_request"
    stack.sql("INSERT INTO alerts (kind, subject, message) VALUES ('given_up', 'nobody twitch 1', 'status 503')")
    [alert] = [each for each in ask("GET", "/api/internal/alerts", query={"all": True})["alerts"] if each["kind"] == "given_up"]
    assert ask("POST", "/api/internal/alerts/{id}/ack", id=alert["id"])["acked"]
    assert ask("POST", "/api/internal/alerts/{id}/ack", 404, id=10**9) == "not_found"
    assert all(each["acked_at"] for each in ask("GET", "/api/internal/alerts")["alerts"] if each["id"] == alert["id"])
    tried = ask("POST", "/api/health/test-alert")
    assert {each["name"]: each["delivered"] for each in tried["channels"]} == {"works": True, "broken": False} and not tried["success"]
    asked_at = ask("POST", "/api/internal/duties/{name}/run", 202, name="cleanup")["requested_at"]
    assert ask("POST", "/api/internal/duties/{name}/run", 404, name="nothing") == "not_found"

    def cleaned():
        [duty] = [each for each in ask("GET", "/api/internal/duties")["duties"] if each["name"] == "cleanup"]
        return duty["last_start_at"] and duty["last_start_at"] >= asked_at
    wait_until(cleaned, what="the duty")
    assert {"tier-free", "tier-premium", "duty-cleanup"} <= {job["id"] for job in ask(
        "GET", "/api/internal/analytics/scheduler-status")["jobs"]}
    assert ask("GET", "/api/health")["metrics"]["totalUsers"] == 3
    assert ask("GET", "/api/health/detailed")["configuration"]["alerts"]
    assert "tally_runs_total" in ask("GET", "/metrics")

    # The end.
    assert ask("DELETE", connection, **youtube)["removed"]
    assert ask("DELETE", one, user="user-1")["removed"]
    assert ask("DELETE", one, 404, user="user-1") == "not_found"
    assert client.asked == {(path, method) for path, method, _ in document.operations()}


def test_what_is_out_of_the_ordinary_is_as_described(make_client):
    stack, client = make_client("tiers: { byhand: { cron: external } }\n")
    # A tier without slots of its own, and a platform whose last connection is gone.
    stack.import_users([user(1, "byhand", platforms=("twitch",))])
    stack.collect()
    assert client.ask("DELETE", "/api/internal/users/{user}", user="user-1")["removed"]
    [twitch] = [each for each in client.ask("GET", "/api/internal/status")["platforms"] if each["platform"] == "twitch"]
    assert (twitch["connections"], twitch["active"]) == (0, 0) and twitch["last_success_at"]
    [job] = [each for each in client.ask("GET", "/api/internal/analytics/scheduler-status")["jobs"] if each["id"] == "tier-byhand"]
    assert job["next_run"] is None
    # What cannot be is said to be so, and nothing else is done instead.
    assert client.ask("GET", "/api/internal/connections", 400, query={"after": "abc"}) == "bad_request"
    assert client.ask("POST", "/api/internal/analytics/trigger-collection", 400, body={"dry_run": "true"}) == "bad_request"
