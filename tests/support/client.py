"""A small HTTP client: one connection a request unless kept open, JSON in and out, nothing hidden."""
import datetime
import http.client
import json
import socket
import time
import urllib.parse
import uuid


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.headers.get('Content-Type')} {self.body[:300]!r}>"


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Client:
    """Speaks to 127.0.0.1:port, or to a unix socket when `socket_path` is given."""

    def __init__(self, port=None, key=None, socket_path=None, timeout=60):
        self.port, self.key, self.socket_path, self.timeout = port, key, socket_path, timeout
        self.kept = None

    def with_key(self, key):
        return Client(self.port, key, self.socket_path, self.timeout)

    def connect(self):
        if self.socket_path:
            return UnixConnection(str(self.socket_path), self.timeout)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)

    def keep(self):
        """From here on all requests go over one connection, opened anew after it broke."""
        self.kept = self.connect()
        return self

    def request(self, method, path, body=None, headers=None, data=None):
        """`data` is sent as JSON; `body` is bytes, text or an iterable (then chunked)."""
        fields = dict(headers or {})
        if self.key and "Authorization" not in fields:
            fields["Authorization"] = f"Bearer {self.key}"
        if data is not None:
            body = json.dumps(data).encode()
            fields.setdefault("Content-Type", "application/json")
        connection = self.kept or self.connect()
        try:
            connection.request(method, path, body=body, headers={k: v for k, v in fields.items() if v is not None})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        except (OSError, http.client.HTTPException):
            connection.close()  # its next request, if any, connects again
            raise
        finally:
            if not self.kept:
                connection.close()

    def abandon(self, method, path, data=None, after=0.0):
        """Sends a request and goes away without waiting for its answer, as a program does that is killed or runs out of patience."""
        connection = self.connect()
        fields = {"Content-Type": "application/json", **({"Authorization": f"Bearer {self.key}"} if self.key else {})}
        connection.request(method, path, body=None if data is None else json.dumps(data).encode(), headers=fields)
        time.sleep(after)
        connection.close()

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def post(self, path, data=None, **options):
        return self.request("POST", path, data=data, **options)

    def put(self, path, body, **options):
        return self.request("PUT", path, body=body, **options)

    def delete(self, path, **options):
        return self.request("DELETE", path, **options)

    def post_form(self, path, parts, headers=None):
        content_type, body = form(parts)
        return self.request("POST", path, body=body, headers={"Content-Type": content_type, **(headers or {})})

    # What most tests need, checked.
    def submit(self, kind="echo", payload=None, headers=None, **options):
        answer = self.post(
            "/api/v1/jobs", {"kind": kind, "payload": {} if payload is None else payload, **options}, headers=headers
        )
        assert answer.status in (200, 202), answer
        return answer.json["id"]

    def job(self, identity):
        answer = self.get(f"/api/v1/jobs/{identity}")
        assert answer.status == 200, answer
        return answer.json

    def wait(self, identity, *states, seconds=30):
        """The job, once it is in one of `states` (by default: any final one)."""
        wanted = states or ("succeeded", "dead", "cancelled", "expired")
        end, looks = time.monotonic() + seconds, 0
        while True:
            job = self.job(identity)
            if job["state"] in wanted:
                return job
            # Time alone does not tell: a machine that stood still has given the job no chance.
            looks += 1
            assert (
                time.monotonic() < end or looks < seconds * 5
            ), f"job {identity} is {job['state']} after {seconds} s, not {wanted}: {job}"
            time.sleep(0.02)

    def set_queue(self, name, **settings):
        answer = self.request("PUT", f"/api/v1/queues/{name}", data=settings)
        assert answer.status == 200, answer
        return answer.json

    def queue(self, name):
        answer = self.get(f"/api/v1/queues/{name}")
        assert answer.status == 200, answer
        return answer.json

    def pause(self, name, reason="a test", **options):
        answer = self.post(f"/api/v1/queues/{name}/pause", {"reason": reason, **options})
        assert answer.status == 200, answer
        return answer.json

    def resume(self, name):
        answer = self.post(f"/api/v1/queues/{name}/resume")
        assert answer.status == 200, answer
        return answer.json

    def lease(self, queue, most=1, wait_seconds=5, **options):
        """What an external worker is given: a list of {"lease_token", "lease_seconds", "job"}."""
        answer = self.post(
            f"/api/v1/queues/{queue}/leases", {"worker": "test", "max": most, "wait_seconds": wait_seconds, **options}
        )
        assert answer.status == 200, answer
        return answer.json["data"]

    def events(self, kind, subject=None):
        """All events of a type, or only those about one subject."""
        answer = self.get("/api/v1/events" + query(type=kind, limit=1000))
        assert answer.status == 200, answer
        return [event for event in answer.json["data"] if subject in (None, event["subject"])]

    def push_model(self, name, model, manifest):
        return self.post_form(
            f"/api/v1/models/{name}/versions",
            [
                ("manifest", None, "application/json", manifest),
                ("model", f"{name}.pt", "application/octet-stream", model),
            ],
        )

    def predict(self, name, body, media_type, query=""):
        return self.request(
            "POST", f"/api/v1/models/{name}/predict{query}", body=body, headers={"Content-Type": media_type}
        )


def form(parts):
    """multipart/form-data from (name, file name or None, type or None, bytes or text)."""
    boundary = uuid.uuid4().hex
    out = b""
    for name, file_name, media_type, content in parts:
        out += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'.encode()
        if file_name is not None:
            out += f'; filename="{file_name}"'.encode()
        if media_type:
            out += f"\r\nContent-Type: {media_type}".encode()
        out += b"\r\n\r\n" + (content.encode() if isinstance(content, str) else content) + b"\r\n"
    return f"multipart/form-data; boundary={boundary}", out + f"--{boundary}--\r\n".encode()


def until(look, seconds=30):
    """The first answer of look() that counts as true."""
    end, looks = time.monotonic() + seconds, 0
    while not (seen := look()):
        looks += 1
        assert time.monotonic() < end or looks < seconds * 5, f"{seen!r} after {seconds} s"
        time.sleep(0.02)
    return seen


def moment(seconds_from_now):
    """A time as the API wants it."""
    at = time.time() + seconds_from_now
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at % 1 * 1e6):06d}Z"


def seconds_of(text):
    """A time of the API as seconds since 1970."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def query(**parameters):
    return "?" + urllib.parse.urlencode(parameters)


def assert_problem(answer, status, slug=None):
    """A problem document as RFC 9457 and docs/openapi have it: complete, consistent, not for caches."""
    allowed = status if isinstance(status, (tuple, list, set)) else (status,)
    assert answer.status in allowed, answer
    assert answer.headers["Content-Type"].split(";")[0] == "application/problem+json", answer
    problem = answer.json
    for member in ("type", "title", "status", "detail", "instance"):
        assert problem.get(member), f"the problem lacks {member}: {problem}"
    assert problem["status"] == answer.status
    assert problem["type"].startswith("/problems/")
    if slug:
        assert problem["type"] == f"/problems/{slug}", problem
    return problem
