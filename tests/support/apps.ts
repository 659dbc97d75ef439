/** A small threaded web app that needs nothing but the stack: answers its text, `/env/NAME`, `/slow?seconds`. */
export function serverApp(text: string, procfile = "web: python3 server.py\n"): Readonly<Record<string, string>> {
  return { Procfile: procfile, "server.py": serverSource(text) };
}

function serverSource(text: string): string {
  return `import os, signal, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TEXT = ${JSON.stringify(text)}

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *args):
        pass
    def do_GET(self):
        body = TEXT
        if self.path.startswith("/env/"):
            body = os.environ.get(self.path[5:], "")
        if self.path.startswith("/slow"):
            time.sleep(float(self.path.split("?")[1]))
        if self.path == "/path":
            body = self.path
        data = body.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

class Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = False

server = Server(("0.0.0.0", int(os.environ["PORT"])), Handler)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print("up", flush=True)
server.serve_forever()
`;
}

/** A worker that says something and stays. */
export const workerLine = "worker: python3 -u -c \"import time; print('working'); time.sleep(100000)\"\n";
