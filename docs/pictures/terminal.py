"""Pictures of the command line in a terminal: status, and create while the volume is cloned.

usage: terminal.py PROGRAM FOLDER      needs `pip install rich pyte`
"""

import fcntl
import io
import os
import pathlib
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time

import pyte
from rich.console import Console
from rich.text import Text

COLUMNS, LINES = 118, 40


def screen_of(program, words, environment, enough):
    """What the screen shows when it is enough, or when the program has ended."""
    screen = pyte.Screen(COLUMNS, LINES)
    stream = pyte.ByteStream(screen)
    pid, file = pty.fork()
    if pid == 0:
        time.sleep(0.2)  # until the size is set
        os.execve(program, [program, *words], environment)
    fcntl.ioctl(file, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    end = time.monotonic() + 180
    while time.monotonic() < end:
        if select.select([file], [], [], 0.2)[0]:
            try:
                data = os.read(file, 65536)
            except OSError:
                break
            if not data:
                break
            stream.feed(data)
        if enough(screen):
            os.write(file, b"\x03")
            break
    os.close(file)
    os.waitpid(pid, 0)
    return screen


def picture(path, title, command, screen):
    """The screen as SVG, with its colours."""
    text = Text()
    text.append(f"$ {command}\n", style="bold")
    rows = [y for y in range(LINES) if screen.display[y].strip()]
    for y in range(0, (max(rows) if rows else 0) + 1):
        line = Text()
        for x in range(COLUMNS):
            cell = screen.buffer[y][x]
            colour = {"brown": "yellow"}.get(cell.fg, cell.fg)
            styles = [] if colour == "default" else [colour]
            if cell.bold:
                styles.append("bold")
            line.append(cell.data, style=" ".join(styles))
        line.rstrip()
        text.append(line)
        text.append("\n")
    text.rstrip()
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(text)
    drawn = console.export_svg(title=title, unique_id=path.stem)
    # No picture of ours asks another server for a font.
    drawn = re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.S).replace("Fira Code", "DejaVu Sans Mono")
    path.write_text(drawn)


def main(program, folder):
    server = subprocess.Popen(
        [program, "sim", "serve", "--start", "2026-06-21T09:00:00Z", "--speed", "10", "--pace", "0.5", "--copies", "1",
         "--clones", "4", "--for", "300"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )
    try:
        url = server.stdout.readline().strip()
        environment = {
            "AWS_ENDPOINT_URL": url, "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIAPERSON",
            "AWS_SECRET_ACCESS_KEY": "any", "AWS_EC2_METADATA_DISABLED": "true", "TERM": "xterm-256color", "HOME": "/nowhere",
        }
        status = screen_of(program, ["status"], environment, lambda _: False)
        picture(folder / "status.svg", "aurora-clone", "aurora-clone status", status)
        words = ["create", "my-test", "--source-cluster-id", "prod", "--expires-after", "P1D"]
        create = screen_of(program, words, environment, lambda s: any("cloning the volume" in line for line in s.display))
        picture(folder / "create.svg", "aurora-clone", f"aurora-clone {' '.join(words)}", create)
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main(str(pathlib.Path(sys.argv[1]).resolve()), pathlib.Path(sys.argv[2]))
