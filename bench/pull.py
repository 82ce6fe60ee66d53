#!/usr/bin/env python3
"""Times pulling an image of two layers (170 and 15 MiB of this machine's /usr) from a docker-registry on loopback into
an empty home: msbctl, the msb program when one is named, and as the floor what must be done to the same bytes at
least, curl | gunzip | sha256sum. Rounds alternate between the programs. As root all of it runs before everybody else's
work, so that a busy machine disturbs less. Usage: pull.py MSBCTL [--msb PROGRAM] [--rounds N]"""

import argparse
import gzip
import hashlib
import io
import json
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time

LAYERS_MIB = (170, 15)
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def files_of_usr():
    for folder, folders, names in os.walk("/usr"):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path) and os.path.getsize(path) < 32 << 20:
                yield path


def make_tar(paths, mebibytes):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path in paths:
            tar.add(path)
            if out.tell() >= mebibytes << 20:
                break
    return out.getvalue()


def make_layout(folder):
    blobs = os.path.join(folder, "blobs", "sha256")
    os.makedirs(blobs)

    def blob(data, media_type):
        with open(os.path.join(blobs, digest_of(data)[7:]), "wb") as file:
            file.write(data)
        return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}

    paths = files_of_usr()
    tars = [make_tar(paths, size) for size in LAYERS_MIB]
    layers = [blob(gzip.compress(tar, 6, mtime=0), "application/vnd.oci.image.layer.v1.tar+gzip") for tar in tars]
    config = {"architecture": "amd64", "os": "linux",
              "rootfs": {"type": "layers", "diff_ids": [digest_of(tar) for tar in tars]}}
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "layers": layers,
                "config": blob(json.dumps(config).encode(), "application/vnd.oci.image.config.v1+json")}
    entry = blob(json.dumps(manifest).encode(), MANIFEST)
    entry["annotations"] = {"org.opencontainers.image.ref.name": "bench"}
    with open(os.path.join(folder, "index.json"), "w", encoding="ascii") as file:
        json.dump({"schemaVersion": 2, "manifests": [entry]}, file)
    with open(os.path.join(folder, "oci-layout"), "w", encoding="ascii") as file:
        file.write('{"imageLayoutVersion":"1.0.0"}')
    sizes = ", ".join(f"{len(tar) >> 20} MiB ({layer['size'] >> 20} compressed)" for tar, layer in zip(tars, layers))
    print(f"layers of {sizes}", flush=True)
    return [layer["digest"] for layer in layers]


def start_registry(work):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = os.path.join(work, "registry.yml")
    with open(config, "w", encoding="ascii") as file:
        file.write(f"version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n"
                   f"storage: {{filesystem: {{rootdirectory: {work}/store}}}}\nhttp: {{addr: 127.0.0.1:{port}}}\n")
    with open(os.path.join(work, "registry.log"), "wb") as log:
        server = subprocess.Popen(["docker-registry", "serve", config], stdout=log, stderr=log)
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return server, port
        except ConnectionRefusedError:
            time.sleep(0.01)


def timed(command, home):
    shutil.rmtree(home, ignore_errors=True)
    os.makedirs(home)
    os.sync()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.monotonic()
    subprocess.run(command, env={**os.environ, "MSB_HOME": home, "HOME": home}, check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    taken = time.monotonic() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return taken, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def peak_kib(command, home):
    """Asks a small process in between: a child counts what its parent had before it."""
    shutil.rmtree(home, ignore_errors=True)
    ask = ("import os, sys; pid = os.spawnvp(os.P_NOWAIT, sys.argv[1], sys.argv[1:]); "
           "print(os.wait4(pid, 0)[2].ru_maxrss, file=sys.stderr)")
    asked = subprocess.run([sys.executable, "-c", ask, *command], env={**os.environ, "MSB_HOME": home}, check=True,
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return int(asked.stderr)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("msbctl")
    parser.add_argument("--msb")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    if os.geteuid() == 0:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(10))
    with tempfile.TemporaryDirectory() as work:
        blobs = make_layout(os.path.join(work, "layout"))
        server, port = start_registry(work)
        try:
            subprocess.run(["skopeo", "--insecure-policy", "copy", "-q", "--dest-tls-verify=false",
                            f"oci:{work}/layout:bench", f"docker://127.0.0.1:{port}/bench:1"], check=True)
            reference, home = f"127.0.0.1:{port}/bench:1", os.path.join(work, "home")
            fetch = "; ".join(f"curl -s http://127.0.0.1:{port}/v2/bench/blobs/{blob} | gunzip | sha256sum"
                              for blob in blobs)
            programs = {"msbctl": [options.msbctl, "image", "pull", "-q", "--insecure", reference]}
            if options.msb:
                programs["msb"] = [options.msb, "pull", "-q", "--insecure", reference]
            programs["curl | gunzip | sha256sum"] = ["sh", "-c", fetch]
            times = {name: [] for name in programs}
            for _ in range(options.rounds):
                for name, command in programs.items():
                    times[name].append(timed(command, home))
            own = statistics.median(taken for taken, _ in times["msbctl"])
            print("| program | median | least | most | processor | msbctl takes |\n|---|---|---|---|---|---|")
            for name, runs in times.items():
                walls = sorted(taken for taken, _ in runs)
                middle = statistics.median(walls)
                print(f"| {name} | {middle * 1e3:.0f} ms | {walls[0] * 1e3:.0f} ms | {walls[-1] * 1e3:.0f} ms "
                      f"| {statistics.median(cpu for _, cpu in runs) * 1e3:.0f} ms | {own / middle:.2f}× |")
            print(f"peak memory of msbctl: {peak_kib(programs['msbctl'], home) / 1024:.0f} MiB")
        finally:
            server.kill()
            server.wait()


if __name__ == "__main__":
    main()
