"""Drives httpx-sse as `main.js` drives the others: commands on stdin, a reply on stdout for each.

The library leaves it to the program to come back; `Stream.follow` does so as its documentation says:
with the last id, after the last `retry`.
"""

import json
import sys
import threading

import httpx
from httpx_sse import connect_sse

OPEN, CONNECTING, CLOSED = 1, 0, 2
RETRY_SECONDS = 3.0


class Stream:
    """One stream; a thread of its own reads it."""

    def __init__(self, url):
        self.url = url
        self.state = CONNECTING
        self.opens = self.errors = self.given_up = 0
        self.events = []
        self.last_id = ""
        self.retry = RETRY_SECONDS
        self.is_left = threading.Event()
        threading.Thread(target=self.follow, daemon=True).start()

    def follow(self):
        # By TLS it speaks HTTP/2, whoever has signed the certificate.
        with httpx.Client(timeout=None, trust_env=False, http2=True, verify=False) as client:
            while not self.is_left.is_set():
                try:
                    self.read(client)
                except httpx.TransportError:
                    pass
                except Exception:  # a status or a type that is no stream's: it does not come back
                    self.given_up += 1
                    self.is_left.set()
                if not self.is_left.is_set():
                    self.state = CONNECTING
                    self.errors += 1
                    self.is_left.wait(self.retry)
        self.state = CLOSED

    def read(self, client):
        headers = {"Last-Event-ID": self.last_id} if self.last_id else {}
        with connect_sse(client, "GET", self.url, headers=headers) as source:
            source.response.raise_for_status()
            self.state = OPEN
            self.opens += 1
            for event in source.iter_sse():
                if self.is_left.is_set():
                    return
                self.last_id = event.id
                if event.retry is not None:
                    self.retry = event.retry / 1000
                seen = {"type": event.event, "data": event.data, "id": event.id}
                self.events.append(seen)

    def seen(self):
        return {
            "state": self.state,
            "opens": self.opens,
            "errors": self.errors,
            "closed": self.given_up,
            "events": list(self.events),
        }


def main():
    streams = []
    print(json.dumps({"ok": f"httpx {httpx.__version__}"}), flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        reply = None
        if command["do"] == "open":
            streams.append(Stream(command["url"]))
            reply = len(streams) - 1
        elif command["do"] == "seen":
            reply = streams[command["stream"]].seen()
        elif command["do"] == "close":
            # Its thread sees it at the next event, or when it would come back.
            streams[command["stream"]].is_left.set()
        print(json.dumps({"ok": reply}), flush=True)


main()
