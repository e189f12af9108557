# SPDX-License-Identifier: Apache-2.0
"""The simulated platforms, which run beside the container and share its network, and what a perfect collector holds of them."""
import json
import pathlib
import subprocess
import tempfile
import urllib.parse
import urllib.request

from stack import BIN, PLATFORMS, wait_until


class Platforms:
    def __init__(self):
        self.dir = tempfile.TemporaryDirectory(prefix="tally-sim-")
        port_file = pathlib.Path(self.dir.name) / "port"
        self.process = subprocess.Popen([BIN / "tally-sim", "--listen", "127.0.0.1:0", "--port-file", port_file],
                                        stderr=subprocess.DEVNULL)
        wait_until(port_file.exists, what="the simulator")
        self.url = f"http://127.0.0.1:{port_file.read_text().strip()}"

    def config(self, extra=""):
        """A configuration that asks them instead of the real ones."""
        entries = "".join(f"  {name}:\n    base_url: {self.url}\n    client_id: sim-app\n"
                          "    client_secret: file:/etc/tally/client-secret\n" for name in PLATFORMS)
        return f"platforms:\n{entries}{extra}"

    def control(self, route, **body):
        request = urllib.request.Request(f"{self.url}/_sim/{route}", data=json.dumps(body).encode(), method="POST")
        urllib.request.urlopen(request, timeout=30).close()

    def oracle(self, user, connection, first, last):
        query = urllib.parse.urlencode({"platform": connection["platform"], "account": connection["account"], "from": first, "to": last})
        with urllib.request.urlopen(f"{self.url}/_sim/oracle?{query}", timeout=30) as answer:
            rows = [json.loads(line) for line in answer.read().decode().splitlines()]
        return {(user, r["platform"], r["account_id"], r["source"], r["metric"], r["date"]): r["value"] for r in rows}

    def close(self):
        self.process.terminate()
        self.process.wait(10)
        self.dir.cleanup()
