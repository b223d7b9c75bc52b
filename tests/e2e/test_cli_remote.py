"""The command line and a daemon on another machine: over HTTP, over TLS behind a proxy, by a kept context."""
import os
import socket
import ssl
import subprocess
import threading

import pytest
from support.daemon import binary, free_port

DONE, FAILED, USAGE, UNREACHABLE = 0, 1, 2, 3


@pytest.fixture
def remote(new_daemon, tmp_path):
    """Runs a command as a person at another machine would, with nothing of this daemon's but its URL and a key."""
    daemon = new_daemon()
    home = tmp_path / "home"
    home.mkdir()

    def run(*words, stdin="", **environment):
        return subprocess.run(
            [binary(), *words],
            env={"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", **environment},
            input=stdin,
            text=True,
            capture_output=True,
            timeout=60,
        )

    run.url, run.key, run.daemon = f"http://127.0.0.1:{daemon.port}", daemon.create_key("admin"), daemon
    return run


def test_a_context_is_kept_and_every_command_asks_its_daemon(remote):
    added = remote("context", "add", "prod", "--url", remote.url, stdin=remote.key + "\n")
    assert added.returncode == DONE and added.stdout.startswith(f"prod is in use: {remote.url}"), added
    done = remote("job", "submit", "--kind", "echo", "--payload", '{"from":"afar"}', "--wait")
    assert done.returncode == DONE and '"from": "afar"' in done.stdout, done
    listed = remote("job", "list", "--columns", "state,kind")
    assert listed.stdout.split() == ["STATE", "KIND", "succeeded", "echo"], listed
    assert remote.key not in remote("context", "list").stdout + remote("context", "list", "--json").stdout
    assert remote("context", "use", "local").returncode == DONE
    assert remote("job", "list").returncode == UNREACHABLE
    assert remote("--context", "prod", "job", "list").returncode == DONE
    assert remote("context", "remove", "prod").returncode == DONE
    assert remote("--context", "prod", "job", "list").returncode == USAGE


def test_a_context_with_a_wrong_key_or_address_is_not_kept(remote):
    wrong = remote("context", "add", "prod", "--url", remote.url, "--key", "mr_wrong")
    assert wrong.returncode == FAILED and "Authentication needed" in wrong.stderr, wrong
    nowhere = remote("context", "add", "prod", "--url", f"http://127.0.0.1:{free_port()}", "--key", remote.key)
    assert nowhere.returncode == UNREACHABLE and "Connection refused" in nowhere.stderr, nowhere
    assert "prod" not in remote("context", "list").stdout


def test_url_and_key_come_from_the_environment_without_a_warning(remote):
    environment = {"MILLRACE_URL": remote.url, "MILLRACE_KEY": remote.key}
    status = remote("status", **environment)
    assert status.returncode == DONE and "ready" in status.stdout and status.stderr == "", status
    checked = remote("config", "check", **environment)
    assert "MILLRACE_URL" not in checked.stdout + checked.stderr, checked


def test_files_go_there_and_come_back(remote, tmp_path):
    content = os.urandom(3_000_000)
    (tmp_path / "file").write_bytes(content)
    environment = {"MILLRACE_URL": remote.url, "MILLRACE_KEY": remote.key}
    put = remote("blob", "put", str(tmp_path / "file"), **environment)
    assert put.returncode == DONE, put
    digest = put.stdout.split()[0]
    got = remote("blob", "get", digest, "--output", str(tmp_path / "again"), **environment)
    assert got.returncode == DONE and (tmp_path / "again").read_bytes() == content, got


class TlsProxy:
    """Speaks TLS to the client and HTTP to the daemon, as a proxy in front of it does."""

    def __init__(self, folder, port):
        def openssl(*arguments):
            subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

        key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes".split()
        openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj", "/CN=a test")
        openssl("req", *key, "-keyout", "its.key", "-out", "its.csr", "-subj", "/CN=localhost")
        (folder / "names").write_text("subjectAltName=DNS:localhost")
        openssl(*"x509 -req -in its.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out its.crt -extfile names".split())
        self.authority, self.port = folder / "ca.crt", port
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "its.crt", folder / "its.key")
        self.listener = context.wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True)
        self.url = f"https://localhost:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except ssl.SSLError:
                continue  # it did not trust us
            except OSError:
                return
            daemon = socket.create_connection(("127.0.0.1", self.port))
            for source, target in ((client, daemon), (daemon, client)):
                threading.Thread(target=self.pass_on, args=(source, target), daemon=True).start()

    @staticmethod
    def pass_on(source, target):
        try:
            while piece := source.recv(65536):
                target.sendall(piece)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass


@pytest.fixture
def proxy(remote, tmp_path):
    made = TlsProxy(tmp_path, remote.daemon.port)
    yield made
    made.listener.close()


def test_tls_is_spoken_with_whom_an_authority_vouches_for(remote, proxy, tmp_path):
    trusted = {"MILLRACE_KEY": remote.key, "SSL_CERT_FILE": str(proxy.authority)}
    done = remote("--url", proxy.url, "job", "submit", "--kind", "echo", "--payload", "[1]", "--wait", **trusted)
    assert done.returncode == DONE and done.stdout.strip() == "[1]", done
    (tmp_path / "large").write_bytes(os.urandom(2_000_000))
    put = remote("--url", proxy.url, "blob", "put", str(tmp_path / "large"), **trusted)
    assert put.returncode == DONE, put


def test_tls_is_refused_without_a_certificate_that_is_trusted_or_with_one_of_another_name(remote, proxy):
    stranger = remote("--url", proxy.url, "status", MILLRACE_KEY=remote.key)
    assert stranger.returncode == UNREACHABLE and "SSL_CERT_FILE" in stranger.stderr, stranger
    other = remote(
        "--url",
        proxy.url.replace("localhost", "127.0.0.1"),
        "status",
        MILLRACE_KEY=remote.key,
        SSL_CERT_FILE=str(proxy.authority),
    )
    assert other.returncode == UNREACHABLE and "mismatch" in other.stderr, other
    plain = remote("--url", remote.url.replace("http:", "https:"), "status", MILLRACE_KEY=remote.key)
    assert plain.returncode == UNREACHABLE and "TLS" in plain.stderr, plain
