"""An application that takes connections at once and answers, with 200, only when a file is there. Usage: late.py PORT FILE"""

import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

port, answer = int(sys.argv[1]), Path(sys.argv[2])


class Late(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        while not answer.exists():
            time.sleep(0.02)
        self.send_response(200)
        self.end_headers()


ThreadingHTTPServer(("127.0.0.1", port), Late).serve_forever()
