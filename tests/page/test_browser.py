"""The status page in a real browser: light and dark, wide and narrow. KEEP_SHOTS=FOLDER keeps the pictures to look at."""
import functools
import http.server
import os
import re
import shutil
import statistics
import struct
import subprocess
import tempfile
import threading
import unittest
import zlib

import harness
from base import HouseTest, message

SAMPLE = os.path.join(harness.BUILD, "tests", "page", "sample")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
         "--disable-background-networking", "--disable-component-update", "--disable-sync"]

# How wide the page is in a frame of each width, and whether its style was taken.
MEASURE = """<!DOCTYPE html><body><script>
const say = {};
const widths = [360, 560, 820, 1280];
for (const width of widths) {
  const frame = document.createElement("iframe");
  frame.width = width; frame.height = 900; frame.src = "/index.html";
  frame.onload = () => {
    const page = frame.contentDocument, root = page.documentElement;
    say[width] = [root.scrollWidth, getComputedStyle(page.querySelector(".card")).borderTopLeftRadius,
                  page.querySelectorAll("script, [onerror], [onload]").length,
                  [...page.querySelectorAll("svg rect")].filter(r => r.getBoundingClientRect().height > 0).length];
    if (Object.keys(say).length === widths.length) document.title = "measured " + JSON.stringify(say);
  };
  document.body.append(frame);
}
</script>"""


def chromium(url, *arguments):
    with tempfile.TemporaryDirectory(prefix="gatepost-chromium-") as profile:
        done = subprocess.run(["chromium", *FLAGS, f"--user-data-dir={profile}", *arguments, url], capture_output=True,
                              text=True, timeout=120, check=False)
    if done.returncode != 0:
        raise AssertionError(f"chromium ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


def brightness(path):
    """Width, height, and the median of all bytes of an 8-bit PNG without interlacing (PNG 9: filters)."""
    with open(path, "rb") as f:
        data = f.read()
    width, height, depth, kind = struct.unpack(">IIBB", data[16:26])
    pixel = {2: 3, 6: 4}[kind]
    assert depth == 8
    packed, at = b"", 8
    while at < len(data):
        size, name = struct.unpack(">I4s", data[at:at + 8])
        packed += data[at + 8:at + 8 + size] if name == b"IDAT" else b""
        at += size + 12
    raw, rows, stride = zlib.decompress(packed), [], width * pixel
    above = bytes(stride)
    for y in range(height):
        how, line = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        for x in range(stride):
            left, up = line[x - pixel] if x >= pixel else 0, above[x]
            corner = above[x - pixel] if x >= pixel else 0
            if how == 4:
                guess = left + up - corner
                nearest = min((left, up, corner), key=lambda v, g=guess: abs(g - v))
                line[x] = (line[x] + nearest) & 255
            else:
                line[x] = (line[x] + (0, left, up, (left + up) // 2)[how]) & 255
        above = bytes(line)
        if y % 16 == 0:
            rows.extend(above[0::pixel * 4])
    return width, height, statistics.median(rows)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class BusyDay(unittest.TestCase):
    """What a gateway shows after a day that a test cannot wait for."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="gatepost-page-")
        for name, what in (("index.html", "page"), ("page.css", "style")):
            with open(os.path.join(cls.folder, name), "wb") as f:
                f.write(subprocess.run([SAMPLE, what], check=True, capture_output=True).stdout)
        with open(os.path.join(cls.folder, "measure.html"), "w", encoding="utf-8") as f:
            f.write(MEASURE)
        cls.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=cls.folder))
        cls.url = f"http://127.0.0.1:{cls.server.server_port}"
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.shutdown()
        cls.server.server_close()
        if os.environ.get("KEEP_SHOTS"):
            shutil.copytree(cls.folder, os.environ["KEEP_SHOTS"], dirs_exist_ok=True)
        shutil.rmtree(cls.folder)

    def shot(self, name, size, *arguments):
        path = os.path.join(self.folder, name + ".png")
        chromium(self.url + "/index.html", f"--window-size={size}", f"--screenshot={path}", *arguments)
        return brightness(path)

    def test_light_and_dark(self):
        light = self.shot("light", "1000,500")
        dark = self.shot("dark", "1000,500", "--blink-settings=preferredColorScheme=0")
        self.assertEqual(light[:2], (1000, 500))
        self.assertGreater(light[2], 235)
        self.assertLess(dark[2], 45)

    def test_it_fits_whatever_the_width(self):
        text = chromium(self.url + "/measure.html", "--virtual-time-budget=10000", "--dump-dom")
        said = re.search(r"<title>measured \{(.*)\}</title>", text)
        self.assertIsNotNone(said, text[:500])
        for width, found, radius, scripts, bars in re.findall(r'"(\d+)":\[(\d+),"([^"]*)",(\d+),(\d+)\]', said.group(1)):
            self.assertLessEqual(int(found), int(width), "it scrolls sideways")
            self.assertEqual(radius, "10px", "its style was not taken")
            self.assertEqual(int(scripts), 0)
            self.assertGreater(int(bars), 300)


class Live(HouseTest):
    """The daemon's own page, with its own headers."""
    policies = "open.conf"

    @classmethod
    def setUpClass(cls):
        cls.port = harness.free_port()
        cls.options = f'http = {{ listen = "inet:{cls.port}@127.0.0.1"; }};\n'
        super().setUpClass()

    def test_a_browser_shows_it(self):
        with self.client() as c:
            self.assertEqual(c.send("a@example.org", ["b@example.com"], message("in the browser"))[0], 250)
        text = chromium(f"http://127.0.0.1:{self.port}/", "--dump-dom")
        self.assertIn("All is well", text)
        self.assertRegex(text, r'Messages, 24 h</h3><p class="figure">1<')
        path = self.folder("live.png")
        chromium(f"http://localhost:{self.port}/", "--window-size=700,400", f"--screenshot={path}")
        self.assertGreater(brightness(path)[2], 235, "its style was not let in")
