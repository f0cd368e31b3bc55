"""What build.sh does beside compiling: compiler flags that hide the machine, the zip file, and a look into a given one.

The same sources give the same bytes, wherever they are built: that is how a reviewer can tell that the functions in the
account are these sources. Only the standard library is used, so that Python 3 alone is needed.
"""

import hashlib
import json
import re
import shlex
import stat
import sys
import zipfile
from pathlib import Path

# ELF's e_machine, by the name that Lambda has for the processor.
MACHINES = {62: "x86_64", 183: "arm64"}
# What Lambda has everywhere; cargo-lambda's own choice. It must be said here, since flags in the environment replace its.
PROCESSORS = {"x86_64": "haswell", "aarch64": "neoverse-n1"}
BOOTSTRAP, LIST = "bootstrap", "dependencies.txt"


def flags(metadata, sysroot, commit, target):
    """The flags for rustc and for C, of which no result names a folder of this machine."""
    names = {}
    for package in metadata["packages"]:
        manifest = Path(package["manifest_path"])
        if package["source"] is not None:
            # The folder's own name has a hash of where the registry is reached.
            names[str(manifest.parent.parent)] = "/registry"
    names[sysroot] = f"/rustc/{commit}"
    names[metadata["workspace_root"]] = "/aurora-clone-manager"
    # Last, and within the workspace as a rule: of the rules that fit, rustc takes the last.
    names[metadata["target_directory"]] = "/target"
    rust = ["-C", f"target-cpu={PROCESSORS[target.split('-')[0]]}"]
    rust += [f"--remap-path-prefix={folder}={name}" for folder, name in names.items()]
    c = [f"-ffile-prefix-map={folder}={name}" for folder, name in names.items()]
    return "\x1f".join(rust), shlex.join(c)


def dependencies(lines):
    """`name version licence` of each crate, from the lines of cargo tree, which show some twice and add folders."""
    crates = set()
    for line in lines:
        package, _, licence = line.strip().partition("|")
        if not package:
            continue
        name, version = package.split()[:2]
        licence = licence.removesuffix("(*)").strip() or "no licence given"
        crates.add(f"{name} {version.removeprefix('v')} {licence}")
    if not crates:
        raise SystemExit("package.py: cargo tree lists no crate")
    return "\n".join(sorted(crates))


def put(archive, name, mode, data):
    """One entry with a date, a mode and a system that are always the same."""
    entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    entry.create_system = 3
    entry.external_attr = (stat.S_IFREG | mode) << 16
    # Not compressed: each version of zlib packs differently, and then the hash would be that of the machine's zlib.
    archive.writestr(entry, data, zipfile.ZIP_STORED)


def write(folder, target):
    """Zips the bootstrap and the list of its crates."""
    folder = Path(folder)
    with zipfile.ZipFile(target, "w") as archive:
        put(archive, BOOTSTRAP, 0o755, (folder / BOOTSTRAP).read_bytes())
        put(archive, LIST, 0o644, (folder / LIST).read_bytes())


def architecture(path):
    """For which processor a package was built; refuses what Lambda would not start."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if BOOTSTRAP not in names:
                raise SystemExit(f"{path} holds no {BOOTSTRAP} but {', '.join(names) or 'nothing'}")
            mode = archive.getinfo(BOOTSTRAP).external_attr >> 16
            if not mode & 0o111:
                raise SystemExit(f"{BOOTSTRAP} in {path} has the mode {mode & 0o777:o}, so Lambda can't start it; it takes 755")
            with archive.open(BOOTSTRAP) as program:
                head = program.read(20)
    except (OSError, zipfile.BadZipFile) as error:
        raise SystemExit(f"{path} is no package: {error}") from None
    machine = int.from_bytes(head[18:20], "little")
    if head[:4] != b"\x7fELF" or machine not in MACHINES:
        raise SystemExit(f"{BOOTSTRAP} in {path} is no Linux program for x86_64 or arm64")
    return MACHINES[machine]


def parameters(template):
    """The names of a template's parameters, without a YAML reader: Python brings none."""
    block = re.split(r"^Parameters:\n", template, flags=re.M)[1]
    block = re.split(r"^\S", block, flags=re.M)[0]
    return re.findall(r"^  (\w+):", block, flags=re.M)


COMMANDS = {
    "flags": lambda sysroot, commit, target: "\n".join(flags(json.load(sys.stdin), sysroot, commit, target)),
    "dependencies": lambda: dependencies(sys.stdin),
    "zip": write,
    "architecture": architecture,
    "parameters": lambda template: "\n".join(parameters(Path(template).read_text(encoding="utf-8"))),
    "sha256": lambda path: hashlib.sha256(Path(path).read_bytes()).hexdigest(),
}

if __name__ == "__main__":
    said = COMMANDS[sys.argv[1]](*sys.argv[2:])
    if said:
        print(said)
