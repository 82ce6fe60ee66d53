"""Folders of files that a script makes."""


def refill(folder, files):
    """Leaves just these files in a folder, by name."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for name, content in files.items():
        (folder / name).write_bytes(content)
