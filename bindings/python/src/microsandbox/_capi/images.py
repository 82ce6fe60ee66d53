"""The image cache."""
from dataclasses import dataclass
from typing import Any, List, Optional, Sequence

from ..types import ImageConfigDetail, ImageLayerDetail, ImagePruneReport, Path, RegistryAuth
from .call import Call
from .client import Native
from .library import check, fail, ffi, info, lib, out, own
from .text import get, get_list, get_optional, get_pairs, milliseconds, put, put_list, put_path

POLICIES = {"if_missing": lib.MSB_PULL_IF_MISSING, "if-missing": lib.MSB_PULL_IF_MISSING,
            "always": lib.MSB_PULL_ALWAYS, "never": lib.MSB_PULL_NEVER}
FORMATS = {"docker": lib.MSB_IMAGE_FORMAT_DOCKER, "oci": lib.MSB_IMAGE_FORMAT_OCI}


@dataclass(frozen=True)
class ImageRecord:
    """What the cache knows of an image."""

    reference: str
    size_bytes: Optional[int]
    manifest_digest: Optional[str]
    architecture: Optional[str]
    os: Optional[str]
    layer_count: int
    last_used_at: Optional[float]
    created_at: Optional[float]


@dataclass(frozen=True)
class DetailRecord:
    """An image with its config and its layers, bottom first."""

    image: ImageRecord
    config: Optional[ImageConfigDetail]
    layers: List[ImageLayerDetail]


@dataclass(frozen=True)
class Pull:
    """How to pull."""

    policy: str = "if_missing"
    platform: Optional[str] = None
    auth: Optional[RegistryAuth] = None
    insecure: bool = False
    ca_certs: Optional[Path] = None
    force: bool = False
    keep_blobs: bool = False
    fall_back: bool = False
    max_file_bytes: int = 0
    max_layer_bytes: int = 0
    max_layer_entries: int = 0


@dataclass(frozen=True)
class PullRecord:
    """What a pull did."""

    image: ImageRecord
    cached: bool
    fell_back: bool
    layers_fetched: int
    layers_present: int
    bytes_fetched: int


def pull(client: Native, call: Call, reference: str, how: Pull) -> PullRecord:
    report = info("msb_image_pull_report")
    username, password = (how.auth.username, how.auth.password) if how.auth else (None, None)
    strings = put(username), put(password), put_path(how.ca_certs), put(how.platform)
    options = info("msb_image_pull_opts", policy=POLICIES[checked_policy(how.policy)], force=how.force,
                   insecure=how.insecure, username=strings[0], password=strings[1], ca_certs_path=strings[2],
                   platform=strings[3], fall_back=how.fall_back, report=report,
                   max_file_bytes=how.max_file_bytes, max_layer_bytes=how.max_layer_bytes,
                   max_layer_entries=how.max_layer_entries,
                   keep=lib.MSB_KEEP_BLOBS if how.keep_blobs else lib.MSB_KEEP_DEFAULT)
    image = out("msb_image *")
    check(lib.msb_image_pull, client.pointer, put(reference), options, call.native, image)
    return PullRecord(_image(own(image[0])), report.cached, report.fell_back, report.layers_fetched,
                      report.layers_present, report.bytes_fetched)


def checked_policy(policy: str) -> str:
    """The policy, if it is one."""
    if policy not in POLICIES:
        fail("invalid_argument", f"invalid argument: unknown pull policy {policy!r}")
    return policy


def load(client: Native, call: Call, archive: Path, tag: Optional[str], **limits: int) -> List[ImageRecord]:
    tags = put_list([tag] if tag is not None else [])
    options = info("msb_image_load_opts", tags=tags.pointer, tag_count=len(tags), **limits)
    images = out("msb_image_list *")
    check(lib.msb_image_load, client.pointer, put_path(archive), options, call.native, images)
    return _list(own(images[0]))


def save(client: Native, call: Call, references: Sequence[str], path: Path, form: str) -> None:
    names = put_list(references)
    options = info("msb_image_save_opts", format=FORMATS[form])
    check(lib.msb_image_save, client.pointer, names.pointer, len(names), put_path(path), options, call.native)


def get_image(client: Native, call: Call, reference: str) -> ImageRecord:
    image = out("msb_image *")
    check(lib.msb_image_get, client.pointer, put(reference), call.native, image)
    return _image(own(image[0]))


def list_images(client: Native, call: Call) -> List[ImageRecord]:
    images = out("msb_image_list *")
    check(lib.msb_image_index_list, client.pointer, call.native, images)
    return _list(own(images[0]))


def inspect(client: Native, call: Call, reference: str) -> DetailRecord:
    pointer = out("msb_image_detail *")
    check(lib.msb_image_inspect, client.pointer, put(reference), call.native, pointer)
    detail = own(pointer[0])
    count = lib.msb_image_detail_layer_count(detail)
    return DetailRecord(_image(lib.msb_image_detail_image(detail)), _config(detail),
                        [_layer(detail, index) for index in range(count)])


def remove(client: Native, call: Call, reference: str, force: bool) -> None:
    check(lib.msb_image_remove, client.pointer, put(reference), force, call.native)


def prune(client: Native, call: Call) -> ImagePruneReport:
    report = info("msb_image_prune_report")
    check(lib.msb_image_prune, client.pointer, ffi.NULL, call.native, report)
    return ImagePruneReport(report.image_refs_removed, report.manifests_removed, report.layers_removed,
                       report.fsmeta_removed, report.vmdk_removed,
                       report.bytes_reclaimed if report.has_bytes_reclaimed else None)


def collect(client: Native, call: Call, layers_only: bool) -> int:
    removed = ffi.new("uint32_t *")
    check(lib.msb_image_gc_layers if layers_only else lib.msb_image_gc, client.pointer, call.native, removed)
    return int(removed[0])


def _list(images: Any) -> List[ImageRecord]:
    return [_image(lib.msb_image_list_at(images, index)) for index in range(lib.msb_image_list_count(images))]


def _image(image: Any) -> ImageRecord:
    seen = info("msb_image_info")
    lib.msb_image_read(image, seen)
    return ImageRecord(
        get(seen.reference), seen.size_bytes if seen.has_size_bytes else None, get_optional(seen.manifest_digest),
        get_optional(seen.architecture), get_optional(seen.os), seen.layer_count, milliseconds(seen.last_used_at_ns),
        milliseconds(seen.created_at_ns))


def _config(detail: Any) -> Optional[ImageConfigDetail]:
    config = info("msb_image_config")
    if not lib.msb_image_detail_config(detail, config):
        return None
    labels = None if config.labels == ffi.NULL else get_pairs(config.labels, config.label_count)
    return ImageConfigDetail(
        get(config.digest), get_list(config.env, config.env_count) or [], get_list(config.cmd, config.cmd_count),
        get_list(config.entrypoint, config.entrypoint_count), get_optional(config.working_dir),
        get_optional(config.user), labels, get_optional(config.stop_signal))


def _layer(detail: Any, index: int) -> ImageLayerDetail:
    layer = info("msb_image_layer")
    lib.msb_image_detail_layer_at(detail, index, layer)
    return ImageLayerDetail(
        get(layer.diff_id), get(layer.blob_digest), get_optional(layer.media_type),
        layer.compressed_size_bytes if layer.has_compressed_size_bytes else None,
        layer.erofs_size_bytes if layer.has_erofs_size_bytes else None, layer.position)
