/**
 * A small threaded web app that needs nothing but the stack: answers its text, `/env/NAME`, `/slow?seconds`, the SHA-256 of
 * what is posted, and echoes on a WebSocket until SIGTERM, which it passes on as 1001.
 */
export function serverApp(text: string, procfile = "web: python3 server.py\n"): Readonly<Record<string, string>> {
  return { Procfile: procfile, "server.py": serverSource(text) };
}

function serverSource(text: string): string {
  return `import base64, hashlib, os, signal, struct, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TEXT = ${JSON.stringify(text)}

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *args):
        pass
    def do_GET(self):
        if self.headers.get("Upgrade", "").lower() == "websocket":
            return self.echo()
        body = TEXT
        if self.path.startswith("/env/"):
            body = os.environ.get(self.path[5:], "")
        if self.path.startswith("/slow"):
            time.sleep(float(self.path.split("?")[1]))
        if self.path == "/path":
            body = self.path
        self.say(body)
    def do_POST(self):
        self.say(hashlib.sha256(self.rfile.read(int(self.headers["Content-Length"]))).hexdigest())
    def say(self, text):
        data = text.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    def echo(self):
        self.close_connection = True
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.end_headers()
        self.lock = threading.Lock()
        sockets.add(self)
        while True:
            head = self.rfile.read(2)
            if len(head) < 2:
                break
            mask, data = self.rfile.read(4), self.rfile.read(head[1] & 127)
            if self in sockets:
                self.frame(head[0], bytes(byte ^ mask[i % 4] for i, byte in enumerate(data)))
            if head[0] & 15 == 8:
                break
        sockets.discard(self)
    def frame(self, first, data):
        with self.lock:
            self.wfile.write(bytes([first, len(data)]) + data)

def leave(*_):
    while sockets:
        try:
            sockets.pop().frame(0x88, struct.pack("!H", 1001))
        except OSError:
            pass
    sys.exit(0)

sockets = set()

class Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = False

server = Server(("0.0.0.0", int(os.environ["PORT"])), Handler)
signal.signal(signal.SIGTERM, leave)
print("up", flush=True)
server.serve_forever()
`;
}

/** A worker that says something and stays. */
export const workerLine = "worker: python3 -u -c \"import time; print('working'); time.sleep(100000)\"\n";
