# SPDX-License-Identifier: Apache-2.0
"""Where alerts arrive: a web server and a mail server."""
import contextlib
import email
import email.policy
import http.server
import json
import socket
import threading

from aiosmtpd.controller import Controller


class Webhook:
    """What was posted; refuses as long as it is told to."""

    def __init__(self):
        self.bodies, self.status = [], 200
        webhook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if webhook.status == 200:
                    webhook.bodies.append(body)
                self.send_response(webhook.status)
                self.end_headers()
                self.wfile.write(b"not now" if webhook.status != 200 else b"ok")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?token=very-secret"


class Mailbox:
    def __init__(self):
        self.mails, self.refuse = [], False

    @contextlib.contextmanager
    def listening(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        controller = Controller(self, hostname="127.0.0.1", port=self.port)
        controller.start()
        try:
            yield self
        finally:
            controller.stop()

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.refuse:
            return f"550 5.1.1 <{address}> is nobody here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, email.message_from_bytes(envelope.content, policy=email.policy.default)))
        return "250 taken"
