"""A reverse proxy as people put before the daemon, with a fresh connection for each client: it takes requests on a port of its own
and passes them on with the fields that nginx, Caddy and HAProxy set. What it adds is its caller's to say, so that the TLS in front of
it can be told of without a certificate."""
import contextlib
import http.client
import http.server
import threading


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def pass_on(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        client = self.headers.get("Test-Client", self.client_address[0])  # who it would have seen
        before = self.headers.get("X-Forwarded-For")
        fields = {name: value for name, value in self.headers.items() if name not in ("Test-Client", "Connection")}
        if self.server.host_is_passed_on:
            fields["X-Forwarded-Host"] = self.headers["Host"]
            fields["Host"] = f"127.0.0.1:{self.server.daemon_port}"
        fields["X-Forwarded-For"] = f"{before}, {client}" if before else client
        fields["X-Forwarded-Proto"] = self.server.scheme
        upstream = http.client.HTTPConnection("127.0.0.1", self.server.daemon_port, timeout=30)
        try:
            upstream.request(self.command, self.path, body=body or None, headers=fields)
            answer = upstream.getresponse()
            content = answer.read()
        finally:
            upstream.close()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name not in ("Connection", "Content-Length", "Transfer-Encoding", "Date"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = pass_on

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def proxy(daemon, scheme="https", host_is_passed_on=False):
    """Its port."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_port, server.scheme, server.host_is_passed_on = daemon.port, scheme, host_is_passed_on
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
