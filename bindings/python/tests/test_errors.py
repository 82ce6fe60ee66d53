"""Exceptions: one class for every kind that has one, by the library's own table."""
import pathlib
import re
import unittest

import microsandbox
from microsandbox import errors
from support import SOURCE, HomeTest

STATUS = pathlib.Path(SOURCE, "../../src/base/status.def")
ROW = re.compile(r"^MSB_STATUS\((\w+), (\d+), (.*)\)$", re.MULTILINE)


class Table(unittest.TestCase):
    """The classes are those of the one table that all bindings are held to."""

    def test_every_kind_raises_the_class_of_the_table(self) -> None:
        rows = ROW.findall(STATUS.read_text("utf-8"))
        self.assertGreater(len(rows), 40)
        for tag, _, rest in rows:
            *_, name, code = re.findall(r'"([^"]*)"', rest)
            raised = errors.CLASS_OF.get(tag, errors.MicrosandboxError)
            with self.subTest(tag=tag):
                self.assertEqual(raised.__name__, name)
                self.assertEqual(getattr(raised, "code", ""), code)

    def test_no_kind_is_invented(self) -> None:
        tags = {tag for tag, _, _ in ROW.findall(STATUS.read_text("utf-8"))}
        self.assertLessEqual(set(errors.CLASS_OF), tags)

    def test_documented_codes(self) -> None:
        self.assertEqual(errors.CloudHttpError.code, "cloud-http")
        self.assertEqual(errors.UnsupportedOperationError.code, "unsupported-operation")
        self.assertEqual(errors.UnsupportedError.code, "unsupported")

    def test_every_class_is_exported_and_takes_one_message(self) -> None:
        for name, found in vars(errors).items():
            if isinstance(found, type) and issubclass(found, errors.MicrosandboxError):
                self.assertIs(getattr(microsandbox, name), found)
                self.assertEqual(str(found("a message")), "a message")


class Facts(HomeTest):
    """What an exception tells beside its text."""

    async def test_reference(self) -> None:
        with self.assertRaises(microsandbox.ImageNotFoundError) as caught:
            await microsandbox.Image.get("alpine:3.20")
        self.assertEqual(str(caught.exception), "image not found: alpine:3.20")
        self.assertEqual(caught.exception.kind, "image_not_found")
        self.assertEqual(caught.exception.details["reference"], "alpine:3.20")
        self.assertIsNone(caught.exception.os_code)

    async def test_reason_of_the_system(self) -> None:
        with self.assertRaises(microsandbox.IoError) as caught:
            await microsandbox.Image.load(self.work / "missing.tar")
        self.assertEqual(caught.exception.os_code, 2)

    async def test_wrong_types(self) -> None:
        with self.assertRaises(TypeError):
            await microsandbox.Image.get(7)  # type: ignore[arg-type]
        with self.assertRaises(TypeError):
            await microsandbox.Image.save("a:1", output_path="x", format="docker")  # type: ignore[arg-type]


if __name__ == "__main__":
    unittest.main()
