/** What a verb sees of the process it runs in. */
export interface Io {
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean; setRawMode?(isRaw: boolean): unknown };
  readonly stdout: Terminal;
  readonly stderr: Terminal;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly isRoot: boolean;
  readonly now: () => number;
}

export interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  /** False asks to wait for `drain`. */
  write(chunk: string | Uint8Array): boolean;
  once(event: "drain", listener: () => void): unknown;
  on(event: "resize", listener: () => void): unknown;
}

/** Writes and waits until there is room for more. */
export async function writeAll(terminal: Terminal, chunk: string | Uint8Array): Promise<void> {
  if (terminal.write(chunk)) return;
  await new Promise<void>((resolve) => void terminal.once("drain", resolve));
}

/** All of the input as text. */
export async function readAll(stdin: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString("utf8");
}
