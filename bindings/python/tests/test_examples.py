"""Every example runs, and says what it is said to say."""
import subprocess
import sys
import unittest

from support import SOURCE, HomeTest, make_demo_image, why_no_machines


class Examples(HomeTest):
    """Run as a user would."""

    def run_example(self, name: str, *arguments: str) -> str:
        done = subprocess.run([sys.executable, str(SOURCE / "examples" / name), *arguments], cwd=str(self.work),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_images(self) -> None:
        text = self.run_example("images.py", str(self.input("app.tar")), "out.tar")
        self.assertRegex(text, r"^loaded demo/app:1: 2 layers, \d+ bytes\n  runs /bin/greet --name 日本\n"
                               r"image not found: demo/app:1\n$")
        self.assertTrue((self.work / "out.tar").exists())

    def test_images_sync(self) -> None:
        text = self.run_example("images_sync.py", str(self.input("app.tar")), "other")
        self.assertRegex(text, r"^demo/app:1 sha256:\w+\npruned 1 images, \d+ bytes\n0 images in the default home\n$")

    @unittest.skipIf(why_no_machines(), str(why_no_machines()))
    def test_fork(self) -> None:
        make_demo_image(self.work / "image.tar")
        text = self.run_example("fork.py", "image.tar", "tcg")
        self.assertEqual(text, "installed: True\nsnapshot is verified\nleft sees: ready made\nderived from it: True\n"
                               "left-done 4294967296\nready 4294967296\n")
        self.assertTrue((self.work / "left-done.tar.zst").exists())


if __name__ == "__main__":
    unittest.main()
