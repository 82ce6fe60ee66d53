"""Holds the libraries that every program with this one has to load: each costs its start, so what few need comes late."""
import re
import subprocess
import sys

NEEDED = {"libblake3", "libc", "libcom_err", "libcrypto", "libext2fs", "libgcc_s", "libisal", "libjansson", "libm",
          "libsqlite3", "libstdc++", "libz", "libzstd", "ld-linux-x86-64", "ld-linux-aarch64",
          "libasan", "libtsan", "libubsan"}


def main() -> int:
    library, readelf = sys.argv[1:]
    dynamic = subprocess.run([readelf, "-d", library], check=True, stdout=subprocess.PIPE, text=True).stdout
    found = set(re.findall(r"\(NEEDED\).*\[(.+?)\.so[.\d]*\]", dynamic))
    strays = sorted(found - NEEDED)
    for stray in strays:
        print(f"{library} is linked to {stray}: load it late (src/os/shared_library.h), or add it here")
    return 1 if strays or "libc" not in found else 0


sys.exit(main())
