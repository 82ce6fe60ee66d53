"""Types of the image surface and of homes, as a checker must see them. Checked by test_typing.py, never run."""
from pathlib import Path
from typing import Any, Dict, List, Optional

from microsandbox import (Client, Home, HomeProblem, HomeReport, Image, ImageArchiveFormat, ImageConfigDetail,
                          ImageDetail, ImageHandle, ImageLayerDetail, ImagePruneReport, ImagePullResult, ImageSource,
                          Progress, RegistryAuth, sync)


async def awaited() -> None:
    source: ImageSource = Image.oci("alpine:3.20", upper_size_mib=1024)
    source = Image.bind("/srv/root")
    source = Image.disk("/srv/disk.raw", fstype="ext4")
    print(source)
    handle: ImageHandle = await Image.get("alpine:3.20")
    handles: List[ImageHandle] = await Image.list()
    detail: ImageDetail = await Image.inspect("alpine:3.20")
    detail = await handles[0].inspect()
    nothing: None = await Image.remove("alpine:3.20", force=True)  # type: ignore[func-returns-value]
    nothing = await handle.remove(force=True)  # type: ignore[func-returns-value]
    report: ImagePruneReport = await Image.prune()
    handles = await Image.load(Path("a.tar"), tag="a:1")
    handles = await Image.load("a.tar")
    await Image.save("a:1", output_path="a.tar")
    await Image.save(("a:1", "b:1"), output_path=Path("a.tar"), format=ImageArchiveFormat.OCI)

    pulled: ImagePullResult = await Image.pull("alpine:3.20", policy="always", platform="linux/arm64/v8", insecure=True,
                                               auth=RegistryAuth("ann", "s3cret"), ca_certs=Path("ca.pem"), force=True,
                                               keep_blobs=True, fall_back=True)
    handle = pulled.handle
    counts: List[int] = [pulled.layers_fetched, pulled.layers_skipped, pulled.bytes_fetched]
    flags: List[bool] = [pulled.cached, pulled.fell_back]
    print(counts, flags, pulled.reference, pulled.manifest_digest)
    await Image.pull("alpine:3.20", auth=("ann", "s3cret"))  # type: ignore[arg-type]

    texts: List[str] = [handle.reference]
    maybe_texts: List[Optional[str]] = [handle.manifest_digest, handle.architecture, handle.os]
    number: int = handle.layer_count
    maybe_number: Optional[int] = handle.size_bytes
    times: List[Optional[float]] = [handle.last_used_at, handle.created_at]
    print(texts, maybe_texts, number, maybe_number, times, nothing, report)

    same: ImageHandle = detail.handle
    config: Optional[ImageConfigDetail] = detail.config
    layers: List[ImageLayerDetail] = detail.layers
    if config is not None:
        environment: List[str] = config.env
        lists: List[Optional[List[str]]] = [config.cmd, config.entrypoint]
        labels: Optional[Dict[str, Any]] = config.labels
        print(same, environment, lists, labels, config.digest, config.working_dir, config.user, config.stop_signal)
    position: int = layers[0].position
    print(position)

    await Image.get(7)  # type: ignore[arg-type]
    await Image.load(b"a.tar")  # type: ignore[arg-type]
    handle.reference = "b:1"  # type: ignore[misc]
    async with Client(Path("home"), new_home_release="0.6.18") as client:
        home: str = client.home
        print(home)

    report_of_home: HomeReport = await Home.inspect(Path("home"), new_home_release="0.6.18")
    words: List[str] = [report_of_home.state, report_of_home.generation, report_of_home.writes, report_of_home.database]
    maybe_texts = [report_of_home.obstacle, report_of_home.schema, report_of_home.oldest_release]
    problems: List[HomeProblem] = report_of_home.problems
    maybe_texts.append(problems[0].path)
    print(words, maybe_texts, report_of_home.images + report_of_home.snapshots)


def without_await() -> None:
    def show(event: Progress) -> None:
        print(event.phase, event.done, event.total)

    with Client("home", read_only=True):
        handle: sync.ImageHandle = sync.Image.get("alpine:3.20")
        detail: sync.ImageDetail = handle.inspect()
        handles: List[sync.ImageHandle] = sync.Image.load("a.tar", on_progress=show)
        report: ImagePruneReport = sync.Image.prune()
        print(detail, handles, report, sync.Home.inspect().problems)
