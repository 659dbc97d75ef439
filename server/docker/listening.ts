const listenState = "0A";

/** Listening TCP sockets, `0.0.0.0:3000`, from the texts of /proc/<pid>/net/tcp and tcp6. Sorted by port. */
export function listeningSockets(tables: readonly string[]): readonly string[] {
  const sockets = tables.flatMap((table) =>
    table
      .split("\n")
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((columns) => columns[3] === listenState)
      .map((columns) => readSocket(columns[1] ?? "")),
  );
  const outside = sockets.filter((socket) => !isEngineDns(socket.address));
  const unique = new Map(outside.map((socket) => [`${socket.address}:${socket.port}`, socket.port]));
  return [...unique].sort((a, b) => a[1] - b[1]).map(([text]) => text);
}

/** The engine's own name server listens inside each container's network. */
function isEngineDns(address: string): boolean {
  return address === "127.0.0.11";
}

function readSocket(hex: string): { readonly address: string; readonly port: number } {
  const [address = "", port = "0"] = hex.split(":");
  return { address: readAddress(address), port: Number.parseInt(port, 16) };
}

/** The kernel prints each 32-bit word in host order. */
function readAddress(hex: string): string {
  if (hex.length === 8) return wordBytes(hex).join(".");
  if (/^0+$/.test(hex)) return "[::]";
  if (hex === "00000000000000000000000001000000") return "[::1]";
  const mapped = /^0{16}FFFF0000([0-9A-F]{8})$/i.exec(hex);
  return mapped ? wordBytes(mapped[1] ?? "").join(".") : `[${hex.toLowerCase()}]`;
}

function wordBytes(word: string): readonly number[] {
  return [6, 4, 2, 0].map((at) => Number.parseInt(word.slice(at, at + 2), 16));
}
