"""Types of the snapshot and sandbox surface, as a checker must see them. Checked by test_typing.py, never run."""
import asyncio
from pathlib import Path
from typing import Any, Dict, List, Optional

from microsandbox import ExecOutput, Image, Sandbox, SandboxHandle, SandboxStopResult, Snapshot, SnapshotHandle, sync


async def snapshots() -> None:
    made: Snapshot = await Snapshot.create("base", name="one", labels={"k": "v"}, force=True, record_integrity=True)
    made = await Snapshot.create("base", path=Path("/srv/one"))
    made = await Snapshot.create("one", from_sandbox="base", dest_dir="/srv", resumable=False)
    task: "asyncio.Task[Snapshot]" = asyncio.create_task(Snapshot.create("base", name="two"))
    made = await task
    made = await Snapshot.convert(Path("one"), form="manifest.json", path=Path("/srv/two"), record_integrity=True)
    made = await Snapshot.convert("one", name="two", dest_dir="/srv", force=True, drop_parent=True,
                                  integrity_algorithm="sparse")
    made = await Snapshot.open("one")
    made = await Snapshot.open(Path("one"))
    handle: SnapshotHandle = await Snapshot.get("one")
    handles: List[SnapshotHandle] = await Snapshot.list()
    opened: List[Snapshot] = await Snapshot.list_dir(Path("/srv"))
    count: int = await Snapshot.reindex()
    count = await Snapshot.reindex("/srv")
    await Snapshot.remove("one", force=True)
    await Snapshot.export("one", Path("one.tar.zst"), with_parents=True, with_image=True, plain_tar=True)
    handle = await Snapshot.import_(Path("one.tar.zst"), dest=Path("/srv"))
    await Snapshot.save("one", "one.tar.zst")
    handle = await Snapshot.load("one.tar.zst", dest="/srv")
    report: Dict[str, Any] = await made.verify()
    made = await handle.open()
    await handle.remove(force=True)

    texts: List[str] = [made.path, made.digest, made.image_ref, made.image_manifest_digest, made.format, made.fstype,
                        made.created_at, handle.digest, handle.image_ref, handle.format, handle.path]
    maybe_texts: List[Optional[str]] = [made.parent, made.source_sandbox, handle.name, handle.parent_digest]
    labels: Dict[str, str] = made.labels
    size: int = made.size_bytes
    maybe_size: Optional[int] = handle.size_bytes
    created: float = handle.created_at
    print(handles, opened, count, report, texts, maybe_texts, labels, size, maybe_size, created)
    with made, handle:
        pass
    await Snapshot.create(b"base", name="one")  # type: ignore[arg-type]
    made.labels = {}  # type: ignore[misc]


async def sandboxes() -> None:
    async with await Sandbox.create("one", image=Image.oci("alpine:3.20", upper_size_mib=1024), cpus=2, memory=512,
                                    labels={"k": "v"}, env={"K": "v"}, replace=True, pull_policy="never",
                                    detached=True) as sandbox:
        name: str = await sandbox.name
        owned: bool = await sandbox.owns_lifecycle
        result: SandboxStopResult = await sandbox.wait_until_stopped()
        await sandbox.stop(timeout=1.0)
    sandbox = await Sandbox.create("two", snapshot=Path("/srv/one"))
    sandbox = await Sandbox.create("three", from_snapshot="one")
    async with Sandbox.create_with_progress("four", image="alpine:3.20") as session:
        async for event in session.progress:
            phase: str = event.phase
            print(phase)
        sandbox = await session.result()
    sandbox = await Sandbox.start("four", command=["sh", "-c", "true"], network=True, accelerator="tcg")
    done: ExecOutput = await Sandbox.run("one", ("ls", "-l"), env={"A": "b"}, cwd="/", user="0:0", network=True,
                                         memory=256, cpus=2, on_output=lambda source, data: print(source, len(data)))
    output: List[bytes] = [done.stdout_bytes, done.stderr_bytes, await sandbox.logs(source="console", limit=100)]
    code: int = done.exit_code
    signal: Optional[int] = done.signal
    print(output, code, signal, done.success, done.stdout_text)
    handle: SandboxHandle = await Sandbox.get("one")
    done = await handle.run(["ls"])
    result = await handle.wait_until_stopped()
    handles: List[SandboxHandle] = await Sandbox.list()
    handles = await Sandbox.list_with(labels={"k": "v"})
    await Sandbox.remove("one")
    handle = await handle.refresh()
    made: Snapshot = await handle.snapshot("one")
    made = await handle.snapshot_to(Path("/srv/two"))
    config: Dict[str, Any] = handle.config()
    times: List[Optional[float]] = [handle.created_at, handle.updated_at]
    print(name, owned, result, handles, made, config, times, handle.status, handle.config_json)


def without_await() -> None:
    made: sync.Snapshot = sync.Snapshot.create("base", name="one")
    rows: List[sync.SnapshotHandle] = sync.Snapshot.list()
    report: Dict[str, Any] = made.verify()
    with sync.Sandbox.create("one", image="alpine:3.20") as sandbox:
        name: str = sandbox.name
    with sync.Sandbox.create_with_progress("two", image="alpine:3.20") as session:
        phases: List[str] = [event.phase for event in session.progress]
        made_too: sync.Sandbox = session.result()
        print(phases, made_too)
    done: ExecOutput = sync.Sandbox.run("one", ["ls"])
    print(done)
    again: sync.Snapshot = sync.Sandbox.get("one").snapshot("two")
    print(rows, report, name, again)
