"""The operations of the conformance cases, in Python: the same for the awaitable surface and the one without await."""
import datetime
import inspect
import pathlib
import re
import subprocess
import time
from typing import Any, Callable, Dict, List, Optional

from microsandbox import ImageArchiveFormat


def fields(thing: Any, names: str) -> Dict[str, Any]:
    return {name: getattr(thing, name) for name in names.split()}


def whole(milliseconds: Optional[float]) -> Optional[int]:
    return None if milliseconds is None else int(milliseconds)


def image(handle: Any) -> Dict[str, Any]:
    seen = fields(handle, "reference manifest_digest architecture os layer_count size_bytes")
    return {**seen, "created_at_ms": whole(handle.created_at), "last_used_at_ms": whole(handle.last_used_at)}


def detail(result: Any) -> Dict[str, Any]:
    return {"handle": image(result.handle), "config": result.config and vars(result.config),
            "layers": [vars(layer) for layer in result.layers]}


def sandbox_handle(handle: Any) -> Dict[str, Any]:
    return {**fields(handle, "name status"), "created_at_ms": whole(handle.created_at),
            "updated_at_ms": whole(handle.updated_at)}


def snapshot(result: Any) -> Dict[str, Any]:
    seen = fields(result, "path digest size_bytes image_ref image_manifest_digest format fstype parent labels "
                          "source_sandbox")
    created = datetime.datetime.fromisoformat(re.sub(r"(\.\d{1,6})\d*", r"\1", result.created_at).replace("Z", "+00:00"))
    return {**seen, "created_at_ms": int(created.timestamp() * 1000)}


def snapshot_handle(handle: Any) -> Dict[str, Any]:
    seen = fields(handle, "digest name parent_digest image_ref format size_bytes path")
    return {**seen, "created_at_ms": whole(handle.created_at)}


def pull(result: Any) -> Dict[str, Any]:
    return {**fields(result, "cached fell_back layers_fetched layers_skipped bytes_fetched"),
            "handle": image(result.handle)}


def each(shape: Callable[[Any], Any]) -> Callable[[List[Any]], List[Any]]:
    return lambda things: [shape(thing) for thing in things]


def home_report(report: Any) -> Dict[str, Any]:
    return {**vars(report), "problems": [vars(problem) for problem in report.problems]}


def nothing(result: Any) -> None:
    assert result is None, result


#: What results look like in the words of the cases.
SHAPES: Dict[str, Callable[[Any], Any]] = {
    "image.load": each(image), "image.save": nothing, "image.get": image, "image.list": each(image),
    "image.inspect": detail, "image.remove": nothing, "image.prune": vars,
    "image.pull": pull, "image_handle.inspect": detail, "image_handle.remove": nothing,
    "sandbox.create": sandbox_handle, "sandbox.get": sandbox_handle, "sandbox.list": each(sandbox_handle),
    "sandbox.remove": nothing, "sandbox_handle.snapshot": snapshot, "sandbox_handle.snapshot_to": snapshot,
    "sandbox.start": nothing, "sandbox.run": nothing, "sandbox_handle.stop": nothing, "sandbox_handle.kill": nothing,
    "sandbox_handle.connect": lambda sandbox: None, "sandbox_handle.wait": vars,
    "sandbox_handle.logs": lambda said: said.decode(),
    "home.inspect": home_report,
    "snapshot.create": snapshot, "snapshot.convert": snapshot, "snapshot.open": snapshot, "snapshot.get": snapshot_handle,
    "snapshot.list": each(snapshot_handle), "snapshot.list_dir": each(snapshot), "snapshot.remove": nothing,
    "snapshot.reindex": lambda count: count, "snapshot.export": nothing, "snapshot.import": snapshot_handle,
    "snapshot.verify": lambda report: report, "snapshot_handle.open": snapshot, "snapshot_handle.remove": nothing,
    "run": nothing, "write": nothing, "close": nothing,
}


def run_program(argv: List[str]) -> None:
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)


def write_file(path: str, text: str) -> None:
    pathlib.Path(path).write_text(text, "utf-8")


async def create_sandbox(api: Any, name: str, image: Optional[str] = None, upper_size_mib: Optional[int] = None,
                         **more: Any) -> Any:
    """Sandbox.create() gives a Sandbox, and the cases want to see what the registry knows of it."""
    source = api.Image.oci(image, upper_size_mib=upper_size_mib) if upper_size_mib else image
    await settle(api.Sandbox.create(name, image=source, boot=False, pull_policy="never", **more))
    return await settle(api.Sandbox.get(name))


async def settle(result: Any) -> Any:
    """The result of a call, of either surface."""
    return await result if inspect.isawaitable(result) else result


#: Operations that are no method of a saved object. Each takes the surface, then the arguments of the case.
FUNCTIONS: Dict[str, Callable[..., Any]] = {
    "home.inspect": lambda api, home, release=None: api.Home.inspect(home, new_home_release=release),
    "image.load": lambda api, archive, tag=None, **more: api.Image.load(archive, tag=tag, **more),
    "image.save": lambda api, references, archive, format="docker", **more: api.Image.save(
        references, output_path=archive, format=ImageArchiveFormat(format), **more),
    "image.get": lambda api, reference: api.Image.get(reference),
    "image.list": lambda api: api.Image.list(),
    "image.inspect": lambda api, reference: api.Image.inspect(reference),
    "image.remove": lambda api, reference, **more: api.Image.remove(reference, **more),
    "image.prune": lambda api: api.Image.prune(),
    "image.pull": lambda api, reference, **more: api.Image.pull(reference, **more),
    "sandbox.create": create_sandbox,
    "sandbox.get": lambda api, name: api.Sandbox.get(name),
    "sandbox.list": lambda api, labels=None: api.Sandbox.list_with(labels=labels),
    "sandbox.remove": lambda api, name: api.Sandbox.remove(name),
    "sandbox.start": lambda api, name: api.Sandbox.start(name),
    "sandbox.run": lambda api, name, command: api.Sandbox.run(name, command),
    "snapshot.create": lambda api, source, **more: api.Snapshot.create(source, **more),
    "snapshot.convert": lambda api, ref, **more: api.Snapshot.convert(ref, **more),
    "snapshot.open": lambda api, ref: api.Snapshot.open(ref),
    "snapshot.get": lambda api, ref: api.Snapshot.get(ref),
    "snapshot.list": lambda api: api.Snapshot.list(),
    "snapshot.list_dir": lambda api, dir: api.Snapshot.list_dir(dir),
    "snapshot.remove": lambda api, ref, **more: api.Snapshot.remove(ref, **more),
    "snapshot.reindex": lambda api, dir=None: api.Snapshot.reindex(dir),
    "snapshot.export": lambda api, ref, archive, **more: api.Snapshot.export(ref, archive, **more),
    "snapshot.import": lambda api, archive, **more: api.Snapshot.import_(archive, **more),
}

#: Operations of a saved object. Each takes the object, then the arguments of the case.
METHODS: Dict[str, Callable[..., Any]] = {
    "image_handle.inspect": lambda handle: handle.inspect(),
    "image_handle.remove": lambda handle, **more: handle.remove(**more),
    "sandbox_handle.stop": lambda handle: handle.stop(),
    "sandbox_handle.kill": lambda handle: handle.kill(),
    "sandbox_handle.connect": lambda handle: handle.connect(),
    "sandbox_handle.wait": lambda handle: handle.wait_until_stopped(),
    "sandbox_handle.logs": lambda handle, source: handle.logs(source=source),
    "sandbox_handle.snapshot": lambda handle, name, **more: handle.snapshot(name, **more),
    "sandbox_handle.snapshot_to": lambda handle, path, **more: handle.snapshot_to(path, **more),
    "snapshot.verify": lambda snapshot, **more: snapshot.verify(**more),
    "snapshot_handle.open": lambda handle: handle.open(),
    "snapshot_handle.remove": lambda handle, **more: handle.remove(**more),
    "close": lambda thing: thing.close(),
}

#: Operations of the runner.
LOCAL: Dict[str, Callable[..., None]] = {"run": run_program, "write": write_file}


class Scope:
    """What steps of a case have saved, and what its strings stand for."""

    def __init__(self, **folders: str) -> None:
        self.folders = folders
        self.values: Dict[str, Any] = {}
        self.objects: Dict[str, Any] = {}

    def save(self, name: str, value: Any, thing: Any) -> None:
        self.values[name], self.objects[name] = value, thing

    def find(self, path: str, objects: bool = False) -> Any:
        first, *rest = path.split(".")
        found = (self.objects if objects else {**self.values, **self.folders})[first]
        for part in rest:
            found = found[int(part) if part.isdigit() else part]
        return found

    def expand(self, value: Any) -> Any:
        if isinstance(value, str):
            return re.sub(r"\$\{([^}]+)\}", lambda match: str(self.find(match[1])), value)
        if isinstance(value, list):
            return [self.expand(element) for element in value]
        if isinstance(value, dict):
            if set(value) == {"$int"}:
                return int(value["$int"])
            return {self.expand(key): self.expand(element) for key, element in value.items()}
        return value


def mismatch(expected: Any, actual: Any, where: str = "result") -> Optional[str]:
    """Why a result is not what a case expects; None when it is."""
    if isinstance(expected, dict) and len(expected) == 1 and next(iter(expected)).startswith("$"):
        [(matcher, argument)] = expected.items()
        return _matcher(matcher, argument, actual, where)
    if isinstance(expected, dict):
        if not isinstance(actual, dict):
            return f"{where} is {actual!r}, no object"
        for key, value in expected.items():
            if key not in actual:
                return f"{where} has no {key}"
            why = mismatch(value, actual[key], f"{where}.{key}")
            if why:
                return why
        return None
    if isinstance(expected, list):
        if not isinstance(actual, list) or len(actual) != len(expected):
            return f"{where} is {actual!r}, not a list of {len(expected)}"
        return next(filter(None, (mismatch(one, other, f"{where}[{index}]")
                                  for index, (one, other) in enumerate(zip(expected, actual)))), None)
    same = type(expected) is type(actual) and expected == actual
    return None if same else f"{where} is {actual!r}, not {expected!r}"


def _matcher(matcher: str, argument: Any, actual: Any, where: str) -> Optional[str]:
    if matcher == "$set":
        left = list(actual)
        for wanted in argument:
            match = next((one for one in left if mismatch(wanted, one) is None), None)
            if match is None:
                return f"{where} has nothing like {wanted!r}"
            left.remove(match)
        return f"{where} has {left!r} too" if left else None
    if matcher == "$only":
        return mismatch(argument, actual, where) or (
            None if set(actual) == set(argument) else f"{where} has the members {sorted(actual)}")
    holds = {
        "digest": lambda: isinstance(actual, str) and re.fullmatch("sha256:[0-9a-f]{64}", actual),
        "recent": lambda: isinstance(actual, int) and 0 <= time.time() * 1000 - actual + 1000 < 3_600_000,
        "positive": lambda: isinstance(actual, int) and actual > 0,
        "string": lambda: isinstance(actual, str) and actual,
    }[argument]
    return None if matcher == "$is" and holds() else f"{where} is {actual!r}, not {argument}"
