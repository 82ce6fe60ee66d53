"""Types of the snapshot and sandbox surface, as a checker must see them. Checked by test_typing.py, never run."""
import asyncio
from pathlib import Path
from typing import Any, Dict, List, Optional

from microsandbox import Image, Sandbox, SandboxHandle, SandboxStopResult, Snapshot, SnapshotHandle, sync


async def snapshots() -> None:
    made: Snapshot = await Snapshot.create("base", name="one", labels={"k": "v"}, force=True, record_integrity=True)
    made = await Snapshot.create("base", path=Path("/srv/one"))
    made = await Snapshot.create("one", from_sandbox="base", dest_dir="/srv", resumable=False)
    task: "asyncio.Task[Snapshot]" = asyncio.create_task(Snapshot.create("base", name="two"))
    made = await task
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
    handle: SandboxHandle = await Sandbox.get("one")
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
    again: sync.Snapshot = sync.Sandbox.get("one").snapshot("two")
    print(rows, report, name, again)
