"""What homes are."""
from typing import Any

from ..types import HomeProblem, HomeReport
from .call import Call
from .client import Options, Opts
from .library import check, info, lib, out, own
from .text import get, get_optional, get_optional_path, get_path

_STATES = {lib.MSB_HOME_MISSING: "missing", lib.MSB_HOME_EMPTY: "empty", lib.MSB_HOME_READY: "ready",
           lib.MSB_HOME_FOREIGN: "foreign", lib.MSB_HOME_UNREADABLE: "unreadable"}
_GENERATIONS = {lib.MSB_GENERATION_NONE: "none", lib.MSB_GENERATION_MANIFEST: "manifest.json",
                lib.MSB_GENERATION_DESCRIPTOR: "snapshot.json", lib.MSB_GENERATION_GROUPS: "groups"}
_WRITES = {lib.MSB_HOME_WRITES_NOTHING: "nothing", lib.MSB_HOME_WRITES_FILES: "files",
           lib.MSB_HOME_WRITES_EVERYTHING: "everything"}
_PROBLEMS = {
    lib.MSB_PROBLEM_LAYER_CORRUPT: "layer_corrupt", lib.MSB_PROBLEM_LAYER_MISSING: "layer_missing",
    lib.MSB_PROBLEM_FSMETA_INVALID: "fsmeta_invalid", lib.MSB_PROBLEM_VMDK_INVALID: "vmdk_invalid",
    lib.MSB_PROBLEM_METADATA_INVALID: "metadata_invalid", lib.MSB_PROBLEM_ORPHAN: "orphan",
    lib.MSB_PROBLEM_LEFTOVER: "leftover", lib.MSB_PROBLEM_RECIPE_INVALID: "recipe_invalid",
    lib.MSB_PROBLEM_SNAPSHOT_DAMAGED: "snapshot_damaged", lib.MSB_PROBLEM_INDEX_STALE: "index_stale",
    lib.MSB_PROBLEM_INDEX_DAMAGED: "index_damaged", lib.MSB_PROBLEM_HOME_RESERVED: "home_reserved",
    lib.MSB_PROBLEM_NOT_TRANSLATED: "not_translated", lib.MSB_PROBLEM_STATUS_STALE: "status_stale",
}


def inspect(call: Call, options: Options) -> HomeReport:
    opts = Opts(options)
    pointer = out("msb_home_report *")
    check(lib.msb_home_inspect, opts.native, call.native, pointer)
    report = own(pointer[0])
    seen = info("msb_home_info")
    lib.msb_home_report_read(report, seen)
    return HomeReport(
        home=get_path(seen.home), database=get_path(seen.database), state=_STATES.get(seen.state, "unknown"),
        generation=_GENERATIONS.get(seen.generation, "unknown"), writes=_WRITES.get(seen.writes, "unknown"),
        obstacle=get_optional(seen.obstacle), schema=get_optional(seen.schema),
        last_migration=get_optional(seen.last_migration), migrations=seen.migrations,
        oldest_release=get_optional(seen.oldest_release), newest_release=get_optional(seen.newest_release),
        images=seen.images, sandboxes=seen.sandboxes, running=seen.running, indexed_snapshots=seen.indexed_snapshots,
        snapshots=seen.snapshots,
        problems=[_problem(report, index) for index in range(lib.msb_home_report_problem_count(report))])


def _problem(report: Any, index: int) -> HomeProblem:
    seen = info("msb_problem")
    lib.msb_home_report_problem_at(report, index, seen)
    return HomeProblem(_PROBLEMS.get(seen.kind, "other"), get_path(seen.subject), get_optional_path(seen.path),
                       get(seen.message))
