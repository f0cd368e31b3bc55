"""The page of `aurora-clone report` in a browser: it is quiet, asks nobody for anything, has its headings, and fits a phone."""

import copy
import functools
import html
import http.server
import json
import os
import re
import shutil
import subprocess
import threading

import pytest

import invented_report

PROGRAM = os.environ.get("AURORA_CLONE", "target/debug/aurora-clone")
NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"]
BROWSER = next(filter(None, map(shutil.which, [os.environ.get("BROWSER_UNDER_TEST", ""), *NAMES])), None)
if BROWSER is None:
    pytest.skip(f"NO BROWSER, SO THE REPORT'S PAGE IS NOT LOOKED AT: none of {', '.join(NAMES)} is here; apt-get install chromium", allow_module_level=True)

# What the page is like, told by a page around it: its own policy lets no script run.
AROUND = """<!DOCTYPE html><title>around</title><link rel="icon" href="data:,"><pre id="told"></pre>
<iframe src="/page" style="width:%spx;height:900px"></iframe>
<script>
document.querySelector("iframe").onload = event => {
    const page = event.target.contentDocument;
    const texts = name => [...page.querySelectorAll(name)].map(element => element.textContent.trim());
    document.getElementById("told").textContent = JSON.stringify({
        headings: texts("h1, h2"), captions: texts("caption"), tables: page.querySelectorAll("table").length,
        plots: page.querySelectorAll("figure > svg[role=img] > title").length, figures: page.querySelectorAll("figure").length,
        drawn: [...page.querySelectorAll("path.line")].filter(path => path.getBoundingClientRect().width > 20).length,
        width: page.documentElement.scrollWidth, images: page.images.length,
    });
};
</script>"""


class Site(http.server.BaseHTTPRequestHandler):
    def __init__(self, pages, asked, *arguments):
        self.pages, self.asked = pages, asked
        super().__init__(*arguments)

    def do_GET(self):
        self.asked.append(self.path)
        body = self.pages.get(self.path)
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write((body or "").encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def site():
    pages, asked = {}, []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Site, pages, asked))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", pages, asked
    server.shutdown()
    thread.join()


def browse(url, folder, width=1280):
    """The document as the browser has it in the end, and what its console said."""
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--no-proxy-server"]
    flags += ["--enable-logging=stderr", "--virtual-time-budget=10000", f"--user-data-dir={folder}", f"--window-size={width},900"]
    flags += ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--dump-dom", url]
    ran = subprocess.run([BROWSER, *flags], capture_output=True, text=True, timeout=180)
    return ran.stdout, [line for line in ran.stderr.splitlines() if "CONSOLE" in line]


def page_of(document, folder):
    file = folder / "report.json"
    file.write_text(json.dumps(document))
    return subprocess.run([PROGRAM, "report", "--from", file, "--output", "-"], check=True, capture_output=True, text=True).stdout


def told(dom):
    return json.loads(html.unescape(re.search(r'<pre id="told">(.*?)</pre>', dom, re.DOTALL)[1]))


@pytest.mark.parametrize("width", [1240, 390])
def test_the_page_is_whole_and_quiet(site, tmp_path, width):
    url, pages, asked = site
    pages["/page"] = page_of(invented_report.document(), tmp_path)
    pages["/around"] = AROUND % width
    dom, console = browse(f"{url}/around", tmp_path / "profile")
    found = told(dom)
    assert console == []
    assert sorted(asked) == ["/around", "/page"]
    expected = ["Aurora clones of aurora-clone-manager", "Somebody has to look", "shop", "billing", "What the maintainer did, and why"]
    assert found["headings"] == expected
    assert found["tables"] == len(found["captions"]) == 6
    assert found["plots"] == found["figures"] == 10
    assert found["drawn"] >= 20
    assert found["width"] <= width, "the page is wider than the screen"


def test_texts_of_others_do_nothing(site, tmp_path):
    url, pages, asked = site
    evil = f"</title></style><script>console.error('ran')</script><img src='{url}/stolen' onerror=\"console.error('ran')\">"

    def spoil(value, name=""):
        if isinstance(value, dict):
            return {key: spoil(item, key) for key, item in value.items()}
        if isinstance(value, list):
            return [spoil(item, name) for item in value]
        is_time = isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]+Z", value)
        return evil if isinstance(value, str) and not is_time and name not in ("kind", "sort", "part") else value

    pages["/page"] = page_of(spoil(copy.deepcopy(invented_report.document())), tmp_path)
    pages["/around"] = AROUND % 390
    dom, console = browse(f"{url}/around", tmp_path / "profile")
    assert (console, sorted(asked), told(dom)["images"]) == ([], ["/around", "/page"], 0)
    assert told(dom)["width"] <= 390


def test_what_would_be_wrong_is_seen(site, tmp_path):
    """The looks above can fail."""
    url, pages, asked = site
    pages["/around"] = AROUND % 390
    pages["/page"] = "<h1>x</h1><img src='/stolen'><script>console.error('ran')</script><p style='width:900px'>wide</p>"
    dom, console = browse(f"{url}/around", tmp_path / "profile")
    assert any("ran" in line for line in console)
    assert "/stolen" in asked and told(dom)["images"] == 1 and told(dom)["width"] > 390
