"""What must hold of the built package: what is in it, which glibc it needs, and that it tells nothing of its builder."""

import re
import shutil
import subprocess
import zipfile
from pathlib import Path

ENTRIES = {"bootstrap": 0o755, "dependencies.txt": 0o644}
# Amazon Linux 2023's.
GLIBC = (2, 34)


def needed_glibc(text):
    """The highest version of glibc among the versions that readelf lists."""
    versions = [tuple(map(int, found.split("."))) for found in re.findall(r"\bGLIBC_([0-9.]+)", text)]
    if not versions:
        raise SystemExit("built.py: readelf lists no version of glibc: is the program linked against it?")
    return max(versions)


def machine_paths(program, folders):
    """Which folders of a machine a program names."""
    named = [folder for folder in folders if f"{folder}/".encode() in program]
    # Whoever built it, and wherever.
    named += [found.decode() for found in set(re.findall(rb"/(?:home|root|Users)/[\w./-]+", program))]
    named += [found.decode() for found in set(re.findall(rb"[\w./-]+/\.(?:cargo|rustup)/[\w./-]*", program))]
    return sorted(set(named))


def problems(path, folders):
    """(id, problem) of each thing that is wrong with the package."""
    with zipfile.ZipFile(path) as archive:
        modes = {entry.filename: (entry.external_attr >> 16) & 0o777 for entry in archive.infolist()}
        if modes != ENTRIES:
            yield "entries", f"the package holds {modes}, not {ENTRIES}"
        program = archive.read("bootstrap")
        for line in archive.read("dependencies.txt").decode().splitlines():
            if not re.fullmatch(r"[\w-]+ \d+\.\d+\.\d+\S* [\w .()/+-]+", line) or line.endswith("no licence given"):
                yield "dependencies", f"no crate with version and licence: {line!r}"
    for folder in machine_paths(program, folders):
        yield "paths", f"the program names {folder}"
    if shutil.which("readelf") is None:
        raise SystemExit("built.py: readelf is missing, which reads the program's glibc: install binutils")
    bootstrap = Path(path).parent / "package" / "checked-bootstrap"
    bootstrap.parent.mkdir(exist_ok=True)
    bootstrap.write_bytes(program)
    said = subprocess.run(["readelf", "--version-info", bootstrap], capture_output=True, text=True, check=True).stdout
    bootstrap.unlink()
    highest = needed_glibc(said)
    print(f"package: {len(program)} bytes, needs glibc {'.'.join(map(str, highest))}")
    if highest > GLIBC:
        yield "glibc", f"the program needs glibc {highest}, and Amazon Linux 2023 has {GLIBC}"
