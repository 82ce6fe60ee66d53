"""Images from registries: real ones, on loopback, and one that is slow."""
import asyncio
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
from typing import Any, Dict, List

import microsandbox
from microsandbox import Image, Progress, RegistryAuth, Sandbox, Snapshot, sync
from support import PROJECT, SOURCE, HomeTest


def start_lab(work: str) -> "subprocess.Popen[str]":
    """The servers of the C library's own tests."""
    return subprocess.Popen([sys.executable, "-B", "-W", "ignore", PROJECT / "tests/support/registry_lab.py", work],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


class Pull(HomeTest):
    """What Image.pull says, does and refuses."""

    facts: Dict[str, str] = {}

    @classmethod
    def setUpClass(cls) -> None:
        missing = [program for program in ("docker-registry", "skopeo", "openssl") if shutil.which(program) is None]
        if missing:
            raise unittest.SkipTest(f"no {', '.join(missing)}")
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.facts = {}
        lab = start_lab(folder.name)
        cls.addClassCleanup(lab.communicate, "")  # it ends with its input
        assert lab.stdout is not None
        for line in iter(lab.stdout.readline, ""):
            if line == "ready\n":
                return
            key, _, value = line.rstrip("\n").partition("=")
            cls.facts[key] = value
        raise AssertionError("the registry has ended before it was ready")

    def demo(self, server: str, before: str = "") -> str:
        return f"127.0.0.1:{self.facts[server]}/{before}demo:1"

    async def pull(self, server: str = "PLAIN", **more: Any) -> microsandbox.ImagePullResult:
        return await Image.pull(self.demo(server), **{"insecure": True, "platform": "linux/amd64", **more})

    async def test_what_is_fetched_is_told(self) -> None:
        events: List[Progress] = []
        result = await self.pull(on_progress=events.append)
        self.assertEqual((result.reference, result.manifest_digest, result.handle.layer_count),
                         (self.demo("PLAIN"), self.facts["DEMO"], 3))
        self.assertEqual((result.cached, result.fell_back, result.layers_fetched, result.layers_skipped),
                         (False, False, 3, 0))
        self.assertGreater(result.bytes_fetched, 3 << 20)
        downloads = [event for event in events if event.phase == "downloading"]
        self.assertEqual({event.index for event in downloads}, {0, 1, 2})
        for event in downloads:
            self.assertEqual(event.count, 3)
            assert event.total is not None
            self.assertLessEqual(event.done, event.total)
        self.assertEqual(events[-1].phase, "complete")

    async def test_policies(self) -> None:
        with self.assertRaises(microsandbox.ImageNotFoundError):
            await self.pull(policy="never")
        await self.pull()
        for policy in ("if_missing", "if-missing", "never"):
            self.assertTrue((await self.pull(policy=policy, insecure=False)).cached)  # over TLS nobody would answer
        again = await self.pull(policy="always")
        self.assertEqual((again.cached, again.layers_fetched, again.bytes_fetched), (True, 0, 0))
        self.assertEqual(sync.Image.pull(self.demo("PLAIN"), force=True, keep_blobs=True, insecure=True,
                                         platform="linux/amd64").layers_fetched, 3)
        with self.assertRaises(ValueError):
            await self.pull(policy="sometimes")
        with self.assertRaises(microsandbox.ImageNotFoundError):
            await Image.pull(self.demo("PLAIN").replace("demo", "absent"), insecure=True)

    async def test_credentials(self) -> None:
        wrong = RegistryAuth.basic(self.facts["USER"], "guess")
        self.assertNotIn("guess", repr(wrong))
        for auth in (None, wrong):
            with self.assertRaises(microsandbox.MicrosandboxError) as caught:
                await self.pull("BASIC", auth=auth)
            self.assertEqual((caught.exception.kind, caught.exception.details["http_status"]), ("http", "401"))
            self.assertNotIn("guess", str(caught.exception))
        right = RegistryAuth(self.facts["USER"], self.facts["PASSWORD"])
        self.assertEqual((await self.pull("BASIC", auth=right)).layers_fetched, 3)

    async def test_authorities(self) -> None:
        with self.assertRaises(microsandbox.MicrosandboxError) as caught:
            await self.pull("TLS", insecure=False)
        self.assertEqual(caught.exception.kind, "http")
        result = await self.pull("TLS", insecure=False, ca_certs=pathlib.Path(self.facts["CA"]))
        self.assertEqual(result.manifest_digest, self.facts["DEMO"])

    async def test_the_example(self) -> None:
        done = subprocess.run([sys.executable, str(SOURCE / "examples/pull.py"), self.demo("PLAIN"), "--insecure"],
                              check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.stdout, f"{self.demo('PLAIN')}: 3 layers fetched, 0 there already\n{self.facts['DEMO']}\n")
        self.assertRegex(done.stderr, r"layer 1 of 3: \d+ bytes\n")

    async def test_a_cancelled_pull_ends_soon(self) -> None:
        downloading = asyncio.Event()

        def show(event: Progress) -> None:
            if event.phase == "downloading" and event.done > 0:
                downloading.set()

        task = asyncio.create_task(Image.pull(self.demo("PROXY", "trickle/"), insecure=True, platform="linux/amd64",
                                              on_progress=show))  # the blob takes a minute to come
        await downloading.wait()
        await self.cancel(task)

    async def test_a_sandbox_pulls_its_image(self) -> None:
        with self.assertRaises(microsandbox.ImageNotFoundError):
            await Sandbox.create("one", image=self.demo("BASIC"), pull_policy="never", boot=False)
        auth = RegistryAuth(self.facts["USER"], self.facts["PASSWORD"])
        phases: List[str] = []
        await Sandbox.create("one", image=self.demo("BASIC"), registry_auth=auth, registry_insecure=True, boot=False,
                             on_progress=lambda event: phases.append(event.phase))
        self.assertIn("downloading", phases)
        self.assertEqual((phases.count("complete"), phases[-1]), (1, "complete"))
        await Sandbox.create("two", image=self.demo("BASIC"), boot=False)  # cached: nobody is asked
        with self.assertRaises(microsandbox.MicrosandboxError) as caught:
            await Sandbox.create("three", image=self.demo("BASIC"), pull_policy="always", boot=False)
        self.assertEqual(caught.exception.kind, "http")
        self.assertEqual({handle.name for handle in await Sandbox.list()}, {"one", "two"})
        self.assertEqual((await Sandbox.get("one")).config()["pull_policy"], "IfMissing")

    async def test_the_image_of_a_snapshot(self) -> None:
        registry = {"registry_insecure": True, "boot": False}
        await Sandbox.create("one", image=self.demo("PLAIN"), **registry)  # type: ignore[arg-type]
        await Snapshot.create("one", name="ready")
        await Snapshot.export("ready", self.work / "ready.tar")
        async with microsandbox.Client(self.work / "other"):
            await Snapshot.import_(self.work / "ready.tar")
            with self.assertRaises(microsandbox.SnapshotImageMissingError):
                await Sandbox.create("two", from_snapshot="ready", pull_policy="never", boot=False)
            await Sandbox.create("two", from_snapshot="ready", **registry)  # type: ignore[arg-type]
            self.assertEqual((await Sandbox.get("two")).status, "stopped")


if __name__ == "__main__":
    unittest.main()
