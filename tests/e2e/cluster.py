# SPDX-License-Identifier: Apache-2.0
"""Several daemons that share one PostgreSQL, each behind a network of its own that the test can break."""
import os
import signal
import subprocess

from network import Network, RefreshWatch
from servers import Postgres
from stack import BIN, Stack, faketime, wait_until


class Node:
    """One tallyd: its state directory, its log, and its ways to the database and to the platforms."""

    def __init__(self, cluster, name):
        self.cluster, self.name, self.process = cluster, name, None
        self.state_dir = cluster.dir / name
        self.config = cluster.dir / f"{name}.yaml"
        self.log_file = cluster.dir / f"{name}.log"
        self.database = cluster.network.link(cluster.postgres.port)
        self.platforms = cluster.network.link(int(cluster.sim_url.rsplit(":", 1)[1]), cluster.refreshes.of(self))
        self.config.write_text(
            cluster.config_text(name, f"http://127.0.0.1:{self.platforms.port}") + cluster.extra_config
            + f"vault: {{ key: \"file:{cluster.vault_key}\" }}\n"
            f"database:\n  url: {cluster.postgres.url(self.database.port)}\n  reader_url: {cluster.postgres.url()}\n")

    def __repr__(self):
        return self.name

    @property
    def id(self):
        """Under what name the database knows it."""
        return (self.state_dir / "node").read_text().strip()

    def start(self, wait=True, clock=None):
        """`clock` is how wrong its clock is, such as +3600s."""
        self.environment = Stack.environment() | (faketime(FAKETIME=clock) if clock else {})
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen([BIN / "tallyd", "--config", self.config], env=self.environment, stderr=log, stdout=log)
        if wait:
            wait_until(lambda: self.process.poll() is not None or self.ready(), what=f"{self.name}")
            assert self.process.poll() is None, self.log()
        return self

    def ready(self):
        return self.cluster.ctl("status", check=False, node=self).returncode == 0

    def send(self, sig):
        self.process.send_signal(sig)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def log(self):
        return self.log_file.read_text(errors="replace")


class Cluster(Stack):
    def __init__(self, nodes=2, config=""):
        super().__init__(config=config)
        self.nodes = []
        self.network = Network()
        self.postgres = Postgres(log_lock_waits="on")
        self.refreshes = RefreshWatch()
        self.vault_key = self.dir / "vault-key"  # what one node seals, the others open
        self.vault_key.touch(0o600)
        self.vault_key.write_text(os.urandom(32).hex() + "\n")
        self.nodes = [Node(self, f"node{n}") for n in range(1, nodes + 1)]
        self.client_config = self.nodes[0].config

    def ctl(self, *args, node=None, **kwargs):
        """Through the first node unless another one is named."""
        self.client_config = (node or self.nodes[0]).config
        return super().ctl(*args, **kwargs)

    def sql(self, query):
        return self.postgres.sql(query)

    def log(self):
        return "\n".join(f"-- {node.name}\n{node.log()[-3000:]}" for node in self.nodes if node.log_file.exists())

    def leases(self):
        """{token: (connection, node id)}"""
        rows = self.sql("select lease_token, connection_id, lease_node from slots where lease_token is not null")
        return {int(token): (int(connection), node) for token, connection, node in rows}

    def close(self):
        for node in self.nodes:
            if node.process and node.process.poll() is None:
                node.send(signal.SIGCONT)
                node.kill()
        self.postgres.close()
        self.network.close()
        super().close()
