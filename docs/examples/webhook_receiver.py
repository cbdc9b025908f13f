"""Receive webhooks and check their signature.

    pip install standardwebhooks
    WEBHOOK_SECRET=whsec_… python webhook_receiver.py 9000

`ocr-server webhooks secret` prints the secret.
"""

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

WEBHOOK = Webhook(os.environ["WEBHOOK_SECRET"])
SEEN = set()  # a message may come twice; a real receiver keeps this in its database


class Receiver(BaseHTTPRequestHandler):
    """Prints each message once."""

    def do_POST(self):
        """Answer within 5 seconds, and do long work afterwards."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            message = WEBHOOK.verify(body, dict(self.headers))
        except WebhookVerificationError as error:
            print(f"refused: {error}", flush=True)
            self.send_error(400)
            return
        if self.headers["webhook-id"] not in SEEN:
            SEEN.add(self.headers["webhook-id"])
            print(message["type"], message["data"]["id"], flush=True)
        self.send_response(204)
        self.end_headers()


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver)
print(f"waiting on port {server.server_address[1]}", flush=True)
server.serve_forever()
