"""Every documented member is there, with the documented signature; microsandbox.sync has the same without await."""
import inspect
import re
import types
import unittest
from typing import Any, Dict

import microsandbox
from microsandbox import MachineOptions, sync

#: Signatures as documented, with what we added to them. Types are held by typing/ and mypy.
METHODS: Dict[str, Dict[str, str]] = {
    "Home": {
        "inspect": "async (home=None, *, cache_dir=None, snapshots_dir=None, sandboxes_dir=None, busy_timeout=None, "
                   "new_home_release=None)",
    },
    "Image": {
        "get": "async (reference)",
        "list": "async ()",
        "inspect": "async (reference)",
        "remove": "async (reference, *, force=False)",
        "prune": "async ()",
        "pull": "async (reference, *, policy='if_missing', platform=None, auth=None, insecure=False, ca_certs=None, "
                "force=False, keep_blobs=False, fall_back=False, max_file_bytes=0, max_layer_bytes=0, "
                "max_layer_entries=0, on_progress=None)",
        "load": "async (input_path, *, tag=None, max_file_bytes=0, max_layer_bytes=0, max_layer_entries=0, "
                "on_progress=None)",
        "save": "async (reference, *, output_path, format=<ImageArchiveFormat.DOCKER: 'docker'>, on_progress=None)",
        "oci": "(reference, *, upper_size_mib=None)",
        "bind": "(path)",
        "disk": "(path, *, fstype=None)",
    },
    "Snapshot": {
        "create": "async (source_sandbox=None, *, name=None, path=None, from_sandbox=None, dest_dir=None, labels=None, "
                  "force=False, record_integrity=False, resumable=False, on_progress=None)",
        "convert": "async (path_or_name, *, form=None, name=None, path=None, dest_dir=None, force=False, "
                   "record_integrity=False, integrity_algorithm=None, drop_parent=False, on_progress=None)",
        "open": "async (path_or_name)",
        "get": "async (name_or_digest)",
        "list": "async ()",
        "list_dir": "async (dir)",
        "remove": "async (path_or_name, *, force=False)",
        "reindex": "async (dir=None)",
        "export": "async (name_or_path, out, *, with_parents=False, with_image=False, plain_tar=False, on_progress=None)",
        "import_": "async (archive, *, dest=None, on_progress=None)",
        "save": "async (name_or_path, out, *, with_parents=False, with_image=False, plain_tar=False, on_progress=None)",
        "load": "async (archive, *, dest=None, on_progress=None)",
        "verify": "async (self, *, on_progress=None)",
        "close": "(self)",
    },
    "SnapshotHandle": {
        "open": "async (self)",
        "remove": "async (self, *, force=False)",
        "close": "(self)",
    },
    "Sandbox": {
        "create": "async (name, *, image=None, snapshot=None, from_snapshot=None, cpus=None, memory=None, labels=None, "
                  "env=None, replace=False, pull_policy=None, registry_auth=None, registry_insecure=False, "
                  "registry_ca_certs=None, detached=False, boot=True, command=None, network=False, accelerator=None, "
                  f"machine={MachineOptions()}, on_progress=None)",
        "create_with_progress": "(name, **options)",
        "start": "async (name, *, detached=False, command=None, env=None, cwd=None, user=None, network=False, "
                 f"accelerator=None, machine={MachineOptions()})",
        "run": "async (name, command, *, env=None, cwd=None, user=None, network=False, memory=None, cpus=None, "
               f"accelerator=None, machine={MachineOptions()}, output_limit=None, grace=0.0, on_output=None)",
        "get": "async (name)",
        "list": "async ()",
        "list_with": "async (*, labels=None)",
        "remove": "async (name)",
        "stop": "async (self, timeout=None)",
        "kill": "async (self, timeout=None)",
        "request_stop": "async (self)",
        "request_kill": "async (self)",
        "request_drain": "async (self)",
        "detach": "async (self)",
        "wait_until_stopped": "async (self)",
        "logs": "async (self, *, source='stdout', limit=1048576)",
        "exec": "async (self, *command, **options)",
        "exec_stream": "async (self, *command, **options)",
        "shell": "async (self, *command, **options)",
        "shell_stream": "async (self, *command, **options)",
        "attach": "async (self, *command, **options)",
        "attach_shell": "async (self)",
    },
    "SandboxHandle": {
        "config": "(self)",
        "refresh": "async (self)",
        "start": "async (self, *, detached=False, command=None, env=None, cwd=None, user=None, network=False, "
                 f"accelerator=None, machine={MachineOptions()})",
        "run": "async (self, command, *, env=None, cwd=None, user=None, network=False, memory=None, cpus=None, "
               f"accelerator=None, machine={MachineOptions()}, output_limit=None, grace=0.0, on_output=None)",
        "wait_until_stopped": "async (self)",
        "logs": "async (self, *, source='stdout', limit=1048576)",
        "connect": "async (self, timeout=None)",
        "stop": "async (self, timeout=None)",
        "kill": "async (self, timeout=None)",
        "request_stop": "async (self)",
        "request_kill": "async (self)",
        "request_drain": "async (self)",
        "remove": "async (self)",
        "snapshot": "async (self, name, *, on_progress=None)",
        "snapshot_to": "async (self, path, *, on_progress=None)",
    },
    "PullSession": {
        "result": "async (self)",
    },
    "ImageHandle": {
        "inspect": "async (self)",
        "remove": "async (self, *, force=False)",
    },
}

PROPERTIES: Dict[str, str] = {
    "ImagePullResult": "handle reference manifest_digest cached fell_back layers_fetched layers_skipped bytes_fetched",
    "PullSession": "progress",
    "ImageHandle": "reference size_bytes manifest_digest architecture os layer_count last_used_at created_at",
    "ImageDetail": "handle config layers",
    "Snapshot": "path digest size_bytes image_ref image_manifest_digest format fstype parent created_at labels "
                "source_sandbox",
    "SnapshotHandle": "digest name parent_digest image_ref format size_bytes created_at path",
    "Sandbox": "name owns_lifecycle",
    "SandboxHandle": "name status config_json created_at updated_at",
}

VALUES: Dict[str, str] = {
    "HomeReport": "home database state generation writes obstacle schema last_migration migrations oldest_release "
                  "newest_release images sandboxes running indexed_snapshots snapshots problems",
    "HomeProblem": "kind subject path message",
    "ImageConfigDetail": "digest env cmd entrypoint working_dir user labels stop_signal",
    "ImageLayerDetail": "diff_id blob_digest media_type compressed_size_bytes erofs_size_bytes position",
    "ImagePruneReport": "image_refs_removed manifests_removed layers_removed fsmeta_removed vmdk_removed bytes_reclaimed",
    "SandboxStopResult": "name status exit_code signal observed_at source",
    "ExecOutput": "exit_code stdout_bytes stderr_bytes stdout_total stderr_total signal",
    "MachineOptions": "kernel hostname ready_timeout console",
    "RegistryAuth": "username password",
    "ImageSource": "_type _reference _path _fstype _upper_size_mib",
}


def signature(method: Any) -> str:
    """A signature without annotations: ``async (name, *, force=False)``."""
    plain = inspect.signature(method)
    stripped = plain.replace(
        parameters=[parameter.replace(annotation=inspect.Parameter.empty) for parameter in plain.parameters.values()],
        return_annotation=inspect.Signature.empty)
    return ("async " if inspect.iscoroutinefunction(method) else "") + str(stripped)


def public(kind: type) -> "set[str]":
    return {name for name in dir(kind) if not name.startswith("_")}


class Surface(unittest.TestCase):
    """Both surfaces against the tables above."""

    def test_methods(self) -> None:
        for kind, methods in METHODS.items():
            for name, documented in methods.items():
                with self.subTest(member=f"{kind}.{name}"):
                    self.assertEqual(signature(getattr(getattr(microsandbox, kind), name)), documented)
                    plain = getattr(getattr(sync, kind), name)
                    self.assertEqual(signature(plain), documented.replace("async ", ""))

    def test_properties(self) -> None:
        for module in (microsandbox, sync):
            for kind, names in PROPERTIES.items():
                for name in names.split():
                    with self.subTest(member=f"{module.__name__}.{kind}.{name}"):
                        member = inspect.getattr_static(getattr(module, kind), name)
                        self.assertIsInstance(member, property)
                        self.assertIsNone(member.fset)

    def test_values(self) -> None:
        for kind, names in VALUES.items():
            with self.subTest(kind=kind):
                self.assertEqual(list(getattr(microsandbox, kind).__dataclass_fields__), names.split())

    def test_nothing_else_is_public(self) -> None:
        for kind in {*METHODS, *PROPERTIES}:
            documented = {*METHODS.get(kind, {}), *PROPERTIES.get(kind, "").split()}
            with self.subTest(kind=kind):
                self.assertEqual(public(getattr(microsandbox, kind)), documented)
                self.assertEqual(public(getattr(sync, kind)), documented)

    def test_every_public_thing_is_documented(self) -> None:
        for name in microsandbox.__all__:
            thing = getattr(microsandbox, name)
            if isinstance(thing, (type, types.FunctionType)):
                self.assertTrue(re.search(r"\w", thing.__doc__ or ""), name)


if __name__ == "__main__":
    unittest.main()
