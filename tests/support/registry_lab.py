"""A registry and everything that can go wrong with it, on loopback, for tests.
Usage: registry_lab.py DIRECTORY

Starts docker-registry four times (plain, TLS, htpasswd, tokens), pushes images with skopeo, and puts a proxy before the
plain one that does harm: the first part of a repository's name says which, so `PROXY/drop-3/demo` is `demo` behind
connections that drop three times. Writes KEY=VALUE lines to standard output, then `ready`, and ends with its standard
input. Exits with 77 when a program is missing."""

import base64
import ctypes
import gzip
import hashlib
import http.client
import http.server
import io
import json
import os
import random
import select
import shutil
import socket
import socketserver
import ssl
import subprocess
import sys
import tarfile
import threading
import time
import urllib.parse

WORK = sys.argv[1]
USER, PASSWORD = "ann", "s3cret:with/odd chars"
IDENTITY = "1dentity/with+odd=chars"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"

children = []


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


# --- images ---

class Layout:
    """An OCI layout with what skopeo is to push."""

    def __init__(self, path):
        self.path, self.entries = path, []
        os.makedirs(f"{path}/blobs/sha256")

    def blob(self, data, media_type, **more):
        with open(f"{self.path}/blobs/sha256/{digest_of(data)[7:]}", "wb") as file:
            file.write(data)
        return {"mediaType": media_type, "digest": digest_of(data), "size": len(data), **more}

    def image(self, tars, architecture="amd64", **more):
        config = {"architecture": architecture, "os": "linux", "config": {"Env": ["A=b"], "Cmd": ["sh"]},
                  "rootfs": {"type": "layers", "diff_ids": [digest_of(tar) for tar in tars]}}
        layers = [self.blob(gzip.compress(tar, 1, mtime=0), LAYER) for tar in tars]
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "layers": layers,
                    "config": self.blob(json.dumps(config).encode(), CONFIG)}
        # Not as anybody's encoder would write it: the exact bytes count.
        return self.blob(json.dumps(manifest, indent=3).encode(), MANIFEST, **more)

    def index(self, entries, **more):
        return self.blob(json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode(), INDEX,
                         **more)

    def write(self, entries):
        with open(f"{self.path}/oci-layout", "w", encoding="ascii") as file:
            file.write('{"imageLayoutVersion":"1.0.0"}')
        with open(f"{self.path}/index.json", "w", encoding="ascii") as file:
            json.dump({"schemaVersion": 2, "manifests": entries}, file)


def tar_of(name, data):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def make_images(path):
    layout = Layout(path)
    noise = random.Random(7)
    tars = [tar_of("etc/base", b"base\n"), tar_of("data/noise", noise.randbytes(3 << 20)), tar_of("etc/top", b"top\n")]
    name = "org.opencontainers.image.ref.name"
    demo = layout.image(tars)
    amd64 = {"platform": {"os": "linux", "architecture": "amd64"}}
    arm64 = {"platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}}
    attestation = layout.image([tar_of("attest", b"x")], **{
        "platform": {"os": "unknown", "architecture": "unknown"},
        "annotations": {"vnd.docker.reference.type": "attestation-manifest"}})
    multi = layout.index([attestation, {**layout.image(tars[:1], "arm64"), **arm64}, {**demo, **amd64}])
    layout.write([{**demo, "annotations": {name: "demo"}}, {**multi, "annotations": {name: "multi"}}])
    return {"DEMO": demo["digest"], "MULTI": multi["digest"]}


# --- registries ---

def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port):
    for _ in range(500):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.01)
    sys.exit(f"nobody answers on port {port}")


def start_registry(name, extra, tls=""):
    port = free_port()
    config = f"{WORK}/{name}.yml"
    with open(config, "w", encoding="ascii") as file:
        file.write(f"version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n"
                   f"storage: {{filesystem: {{rootdirectory: {WORK}/store}}, delete: {{enabled: true}}}}\n"
                   f"http:\n  addr: 127.0.0.1:{port}\n{tls}{extra}")
    with open(f"{WORK}/{name}.log", "wb") as log:
        children.append(subprocess.Popen(["docker-registry", "serve", config], stdout=log, stderr=log,
                                         stdin=subprocess.DEVNULL))
    wait_for(port)
    return port


def run(*command):
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def make_certificates():
    def key(name):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{WORK}/{name}.key"]
    run("openssl", "req", "-x509", *key("ca"), "-out", f"{WORK}/ca.pem", "-subj", "/CN=test CA", "-days", "2")
    for name, subject in (("server", "IP:127.0.0.1"), ("stranger", "DNS:elsewhere.example")):
        run("openssl", "req", *key(name), "-out", f"{WORK}/{name}.csr", "-subj", f"/CN={name}")
        with open(f"{WORK}/{name}.ext", "w", encoding="ascii") as file:
            file.write(f"subjectAltName={subject}\n")
        run("openssl", "x509", "-req", "-in", f"{WORK}/{name}.csr", "-CA", f"{WORK}/ca.pem", "-CAkey",
            f"{WORK}/ca.key", "-CAcreateserial", "-out", f"{WORK}/{name}.pem", "-days", "2", "-extfile",
            f"{WORK}/{name}.ext")


def bcrypt(password):
    """As the C library does it; Python 3.13 has no module for that any more."""
    library = ctypes.CDLL("libcrypt.so.1")
    library.crypt.restype = ctypes.c_char_p
    return library.crypt(password.encode(), b"$2b$04$abcdefghijklmnopqrstuu").decode()


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request, client_address):
        pass  # clients that leave early are what this is for


def serve(handler):
    server = Server(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


class Quiet(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


# --- the proxy ---

counts = {}
seen = []  # (path, Authorization, body) of every request to the stranger
relayed = []  # (method, target, Authorization, Proxy-Authorization) of every request to the forward proxy
lock = threading.Lock()
upstream = None
stranger_port = None
token_serial = [0]


def nth(key):
    with lock:
        counts[key] = counts.get(key, 0) + 1
        return counts[key]


def fetch(path, headers):
    connection = http.client.HTTPConnection("127.0.0.1", upstream)
    connection.request("GET", path, headers={k: v for k, v in headers.items() if k in ("Accept", "Range")})
    response = connection.getresponse()
    body = response.read()
    keep = ("content-type", "docker-content-digest", "content-range", "accept-ranges")
    return response.status, body, [(k, v) for k, v in response.getheaders() if k.lower() in keep]


class Proxy(Quiet):
    """`/v2/FAULT/REPOSITORY/…`. A fault is a word, and how often it strikes at one path: `drop-3`."""

    def do_GET(self):  # pylint: disable=too-many-branches,too-many-statements,too-many-return-statements
        parts = self.path.split("/", 3)
        if len(parts) < 4:
            return self.answer(404)
        fault, _, rest = parts[2].partition("-")
        times = int(rest.split("-")[0]) if rest and rest.split("-")[0].isdigit() else 10 ** 9
        path = "/v2/" + parts[3]
        is_blob, is_manifest = "/blobs/" in path, "/manifests/" in path
        large = is_blob and self.large(path)
        strike = nth(self.path)
        strikes = strike <= times
        authorization = self.headers.get("Authorization", "")

        if fault in ("token", "tokenaway"):  # each is good for two requests
            if not authorization.startswith("Bearer t") or nth(authorization) > 2:
                realm = "realm" if fault == "token" else "realmaway"
                return self.answer(401, b"", [("WWW-Authenticate", f'Bearer realm="http://{self.headers["Host"]}/v2/'
                                               f'{realm}/x/token",service="lab",scope="repository:demo:pull"')])
        if fault == "realm":
            token_serial[0] += 1
            query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
            wanted = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            if authorization != wanted or query.get("scope") != ["repository:demo:pull"]:
                return self.answer(401)
            body = json.dumps({"access_token": f"t{token_serial[0]}", "expires_in": 300}).encode()
            return self.answer(200, body)
        if fault == "seen":
            with lock:
                return self.answer(200, json.dumps(seen).encode())
        if fault == "forwarded":
            with lock:
                body = json.dumps(relayed).encode()
                relayed.clear()
            return self.answer(200, body)
        if fault == "requests":  # how many came for blobs of a repository
            with lock:
                return self.answer(200, str(sum(n for p, n in counts.items() if "/blobs/" in p and
                                                p.startswith("/v2/" + parts[3].split("?")[0]))).encode())
        if fault == "mute":
            time.sleep(600)
        if fault == "slow" and is_blob:
            time.sleep(0.3)
        if fault == "status" and strikes and rest.split("-")[1:]:
            code = int(rest.split("-")[1])
            headers = [("Retry-After", "0")] if code == 429 else []
            return self.answer(code, b'{"errors":[{"code":"TOOMANYREQUESTS"}]}', headers)
        if fault == "later" and strikes:
            return self.answer(429, b"", [("Retry-After", "1")])
        if fault == "hours":
            return self.answer(429, b"", [("Retry-After", "7200")])
        if fault == "close" and strikes:
            self.close_connection = True
            return None
        if fault == "redirect" and is_blob:
            return self.answer(307, b"", [("Location", f"http://localhost:{stranger_port}{path}?signature=geheim")])
        if fault == "circle":
            return self.answer(307, b"", [("Location", self.path)])
        if fault == "schema1" and is_manifest:
            return self.answer(200, b'{"schemaVersion":1,"name":"x","fsLayers":[]}')
        if fault == "garbage" and is_manifest:
            return self.answer(200, b"<html>please log in</html>")
        if fault == "hugemanifest" and is_manifest:
            return self.endless(b" " * 65536)
        forwarded = dict(self.headers)
        if fault == "noranges":
            forwarded.pop("Range", None)
        status, body, headers = fetch(path, forwarded)
        if status not in (200, 206):
            return self.answer(status, body, headers)
        if fault == "nested" and is_manifest and not path.rsplit("/", 1)[1].startswith("sha256"):
            body = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [
                {"mediaType": INDEX, "digest": digest_of(body), "size": len(body)}]}).encode()
            return self.answer(200, body, [("Content-Type", INDEX)])
        if fault == "wrongdigest" and is_manifest and strikes:
            headers = [(k, v) for k, v in headers if k.lower() != "docker-content-digest"]
            headers.append(("Docker-Content-Digest", "sha256:" + "0" * 64))
        if fault in ("flip", "flipmanifest") and strikes and (large if fault == "flip" else is_manifest):
            middle = len(body) // 2
            body = body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1:]
        if fault == "short" and large and strikes:  # says so, and keeps its word
            body = body[:-10]
        if fault == "long" and large and strikes:
            body += b"more of it"
        if fault == "endless" and large:
            return self.endless(body)
        if fault in ("drop", "noranges") and large and strikes:
            return self.partial(status, body, headers, strike, True)
        if fault == "stall" and large and strikes:
            return self.partial(status, body, headers, strike, False)
        if fault == "hold" and large:  # two thirds, and then nothing for as long as the test lasts
            self.head(status, len(body), headers)
            self.wfile.write(body[:len(body) * 2 // 3])
            self.wfile.flush()
            time.sleep(600)
        if fault == "trickle" and large:
            return self.trickle(status, body, headers)
        return self.answer(status, body, headers)

    def do_POST(self):
        """Where identity tokens are exchanged (OAuth 2)."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.startswith("/v2/realmaway/"):
            return self.answer(307, b"", [("Location", f"http://localhost:{stranger_port}/token")])
        form = urllib.parse.parse_qs(body.decode())
        token_serial[0] += 1
        if (form.get("grant_type"), form.get("refresh_token"), form.get("scope")) != (
                ["refresh_token"], [IDENTITY], ["repository:demo:pull"]) or self.headers.get("Authorization"):
            return self.answer(401)
        return self.answer(200, json.dumps({"access_token": f"t{token_serial[0]}", "expires_in": 300}).encode())

    @staticmethod
    def large(path):
        blob = path.rsplit(":", 1)[1].split("?")[0]
        file = f"{WORK}/store/docker/registry/v2/blobs/sha256/{blob[:2]}/{blob}/data"
        return os.path.exists(file) and os.path.getsize(file) > 1 << 20

    def head(self, status, length, headers):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def partial(self, status, body, headers, strike, drop):
        """A part of the body, and then nothing more."""
        self.head(status, len(body), headers)
        self.wfile.write(body[:min(len(body) // 2, 300_000 + strike * 1000)])
        self.wfile.flush()
        if not drop:
            time.sleep(60)
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def trickle(self, status, body, headers):
        self.head(status, len(body), headers)
        for i in range(0, len(body), 1000):
            self.wfile.write(body[i:i + 1000])
            time.sleep(0.02)

    def endless(self, body):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while True:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(body), body))


class Stranger(Quiet):
    """Another host, where blobs are redirected to."""

    def do_GET(self):
        with lock:
            seen.append([self.path, self.headers.get("Authorization", ""), ""])
        status, body, headers = fetch(self.path.split("?")[0], dict(self.headers))
        self.answer(status, body, headers)

    def do_POST(self):
        with lock:
            seen.append([self.path, self.headers.get("Authorization", ""),
                         self.rfile.read(int(self.headers["Content-Length"])).decode()])
        self.answer(200, b'{"token":"tstolen"}')


class Forward(Quiet):
    """A proxy as http_proxy and https_proxy name them. It knows everybody but `stranger`."""

    def admit(self):
        who = self.headers.get("Proxy-Authorization", "")
        with lock:
            relayed.append([self.command, self.path, self.headers.get("Authorization", ""), who])
        if not who.endswith(base64.b64encode(b"stranger:pa55").decode()):
            return True
        self.answer(407, b"", [("Proxy-Authenticate", 'Basic realm="lab"')])
        return False

    def do_GET(self):
        if not self.admit():
            return
        url = urllib.parse.urlsplit(self.path)
        connection = http.client.HTTPConnection(url.netloc)
        connection.request("GET", url.path, headers={
            k: v for k, v in self.headers.items() if k in ("Accept", "Range", "Authorization")})
        response = connection.getresponse()
        body = response.read()
        self.answer(response.status, body, [(k, v) for k, v in response.getheaders() if k.lower() in (
            "content-type", "docker-content-digest", "content-range", "www-authenticate", "location")])

    def do_CONNECT(self):
        if not self.admit():
            return
        host, port = self.path.rsplit(":", 1)
        with socket.create_connection((host, int(port))) as there:
            self.send_response(200)
            self.end_headers()
            ends = {self.connection: there, there: self.connection}
            while ends:
                for end in select.select(list(ends), [], [])[0]:
                    data = end.recv(65536)
                    if not data:
                        ends = {}
                        break
                    ends[end].sendall(data)
        self.close_connection = True


def start_http2():
    """The plain registry behind a server that speaks HTTP 2, and writes down who did."""
    if shutil.which("nghttpx") is None:
        return {}
    port = free_port()
    children.append(subprocess.Popen(
        ["nghttpx", "--conf=/dev/null", "--single-process", f"--frontend=127.0.0.1,{port}",
         f"--backend=127.0.0.1,{upstream}", f"--accesslog-file={WORK}/http2.log", "--accesslog-format=$request",
         f"--errorlog-file={WORK}/http2.err", f"{WORK}/server.key", f"{WORK}/server.pem"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    wait_for(port)
    return {"HTTP2": port, "HTTP2_LOG": f"{WORK}/http2.log"}



def serve_tls(certificate):
    server = Server(("127.0.0.1", 0), type("Tls", (Proxy,), {}))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{WORK}/{certificate}.pem", f"{WORK}/{certificate}.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def main():
    global upstream, stranger_port  # pylint: disable=global-statement
    for program in ("docker-registry", "skopeo", "openssl"):
        if shutil.which(program) is None:
            print(f"missing {program}", flush=True)
            sys.exit(77)
    facts = make_images(f"{WORK}/layout")
    make_certificates()
    upstream = start_registry("plain", "")
    for tag in ("demo", "multi"):
        run("skopeo", "--insecure-policy", "copy", "--all", "--preserve-digests", "--dest-tls-verify=false",
            f"oci:{WORK}/layout:{tag}", f"docker://127.0.0.1:{upstream}/{tag}:1")
    tls = start_registry("tls", "", f"  tls: {{certificate: {WORK}/server.pem, key: {WORK}/server.key}}\n")
    facts.update(PLAIN=upstream, TLS=tls, STRANGER_TLS=serve_tls("stranger"))
    with open(f"{WORK}/htpasswd", "w", encoding="ascii") as file:
        file.write(f"{USER}:{bcrypt(PASSWORD)}\n")
    facts["BASIC"] = start_registry("htpasswd", f"auth: {{htpasswd: {{realm: lab, path: {WORK}/htpasswd}}}}\n")
    stranger_port = serve(Stranger)
    facts.update(STRANGER=stranger_port, PROXY=serve(Proxy), FORWARD=serve(Forward), **start_http2())
    facts.update(CA=f"{WORK}/ca.pem", USER=USER, PASSWORD=PASSWORD, IDENTITY=IDENTITY)
    for key, value in facts.items():
        print(f"{key}={value}")
    print("ready", flush=True)
    sys.stdin.read()


try:
    main()
except subprocess.CalledProcessError as failure:
    sys.exit(f"{failure}: {failure.stderr.decode(errors='replace')}")
finally:
    for child in children:
        child.kill()
        child.wait()
