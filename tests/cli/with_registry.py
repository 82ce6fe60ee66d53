"""Runs a command beside a registry on loopback with one image, REGISTRY/demo:1, of two layers: a small one, and one of
2 MiB that takes most of a second. Usage: with_registry.py COMMAND..., with REGISTRY for its address"""

import hashlib
import http.server
import io
import json
import random
import signal
import subprocess
import sys
import tarfile
import threading
import time

STEP = 256 << 10
TAR = "application/vnd.oci.image.layer.v1.tar"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"

blobs = {}


def blob(data, media_type):
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    blobs[digest] = data
    return {"mediaType": media_type, "digest": digest, "size": len(data)}


def layer(name, data):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    return blob(out.getvalue(), TAR)


layers = [layer("etc/name", b"demo\n"), layer("data", random.Random(1).randbytes(2 << 20))]
config = blob(json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {
    "type": "layers", "diff_ids": [each["digest"] for each in layers]}}).encode(), CONFIG)
manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}).encode()


class Registry(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        body = manifest if "/manifests/" in self.path else blobs.get(self.path.rsplit("/", 1)[1])
        self.send_response(200 if body else 404)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        for begin in range(0, len(body or b""), STEP):
            if begin:
                time.sleep(0.1)
            self.wfile.write(body[begin:begin + STEP])


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
server.daemon_threads = True
server.handle_error = lambda *_: None  # clients that leave early
threading.Thread(target=server.serve_forever, daemon=True).start()
signal.signal(signal.SIGINT, lambda *_: None)  # that is for the command
command = [each.replace("REGISTRY", f"127.0.0.1:{server.server_address[1]}") for each in sys.argv[1:]]
sys.exit(subprocess.run(command).returncode)
