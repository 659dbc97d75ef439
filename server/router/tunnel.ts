import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { type FailureAnswer, type FailureCode, renderFailure } from "./failures.ts";
import { answerFields, fieldTokens } from "./headers.ts";
import { Incoming, receive } from "./incoming.ts";
import { type CallFailure, InstanceCall } from "./instance-call.ts";
import type { Journal } from "./journal.ts";
import { STATUS_CODES } from "./node-http.ts";
import type { Target } from "./protocol.ts";
import { headText } from "./relay.ts";
import { Attempts, type Traffic } from "./traffic.ts";

/** h2c is an offer that may be ignored; an upgrade with a body is taken as a plain request. */
export function wantsTunnel(req: IncomingMessage): boolean {
  const { upgrade } = req.headers;
  if (upgrade === undefined || !fieldTokens(req.rawHeaders, "connection").includes("upgrade")) return false;
  if (/^h2c?$/i.test(upgrade.trim())) return false;
  return req.headers["transfer-encoding"] === undefined && Number(req.headers["content-length"] ?? 0) === 0;
}

/** Passes a WebSocket or another upgrade on: bytes both ways until either side ends. */
export function tunnel(traffic: Traffic, req: IncomingMessage, early: Buffer): void {
  const client = req.socket;
  client.on("error", () => client.destroy());
  const incoming = receive(traffic, req);
  if (incoming instanceof Incoming) new Tunnel(traffic, incoming, early).start();
  else answerFailure(client, incoming);
}

class Tunnel {
  readonly #traffic: Traffic;
  readonly #incoming: Incoming;
  readonly #client: Socket;
  readonly #early: Buffer;
  readonly #journal: Journal;
  readonly #attempts: Attempts;
  #call: InstanceCall | undefined;
  #instance: Socket | undefined;
  #leave: () => void = () => {};
  #timer: NodeJS.Timeout | undefined;
  #status = 0;

  constructor(traffic: Traffic, incoming: Incoming, early: Buffer) {
    this.#traffic = traffic;
    this.#incoming = incoming;
    this.#client = incoming.req.socket;
    this.#early = early;
    const { host, target } = incoming.request;
    this.#attempts = new Attempts(traffic, host, target, () => this.#end());
    this.#journal = incoming.journal(traffic);
  }

  start(): void {
    this.#client.once("close", () => this.#closed());
    this.#client.once("end", () => this.#clientEnded());
    this.#client.on("readable", this.#peek);
    this.#attempt();
  }

  /** Keeps what the client says before it may, and notices when it leaves: a socket that nobody reads does not. */
  readonly #peek = (): void => {
    if (this.#client.readableLength === 0) this.#client.read(0);
  };

  /** The instance has the other half of the connection for a while yet. */
  #clientEnded(): void {
    if (this.#instance === undefined) this.#client.destroy();
    else this.#timer = setTimeout(() => this.#client.destroy(), this.#traffic.policy.idleTimeoutMs);
  }

  #attempt(): void {
    const choice = this.#attempts.next();
    this.#journal.app = this.#attempts.app;
    if (choice.kind === "none") {
      this.#fail(choice.code);
      return;
    }
    this.#leave = choice.leave;
    this.#journal.chose(choice.target, this.#attempts.app);
    try {
      this.#call = this.#open(choice.target);
      this.#call.request.end();
    } catch {
      this.#fail("H26");
    }
  }

  #open(target: Target): InstanceCall {
    const { req, request } = this.#incoming;
    const fields = this.#incoming.fields(false, req.headers.upgrade);
    const options = { method: request.method, target: request.target, fields, reuse: false };
    return new InstanceCall(this.#traffic, target, options, {
      connected: () => this.#connected(),
      information: () => {},
      answered: (answer) => this.#answered(answer),
      upgraded: (answer, socket, head) => this.#upgraded(answer, socket, head),
      failed: (failure) => this.#callFailed(target, failure),
    });
  }

  #connected(): void {
    this.#journal.connected();
    this.#timer = setTimeout(() => this.#fail("H12"), this.#traffic.policy.firstByteTimeoutMs);
  }

  #callFailed(target: Target, failure: CallFailure): void {
    this.#leave();
    if (failure.kind !== "unsent") {
      this.#fail(failure.kind === "broken" ? failure.code : "H13");
      return;
    }
    this.#attempts.refused(target, failure.code);
    this.#attempt();
  }

  #upgraded(answer: IncomingMessage, instance: Socket, head: Buffer): void {
    clearTimeout(this.#timer);
    this.#status = 101;
    this.#instance = instance;
    const facts = { raw: answer.rawHeaders, requestId: this.#incoming.requestId, isChunked: false, closes: false };
    const fields = [...answerFields(facts), "Connection", "Upgrade", "Upgrade", answer.headers.upgrade ?? ""];
    this.#client.write(headText(101, answer.statusMessage || "Switching Protocols", fields), "latin1");
    this.#client.write(head);
    instance.write(this.#early);
    // Without a time limit, but a peer that is gone is noticed.
    instance.setKeepAlive(true, 60_000);
    this.#client.setKeepAlive(true, 60_000);
    instance.setTimeout(0);
    instance.on("error", () => instance.destroy());
    instance.on("data", (chunk: Buffer) => (this.#journal.bytes += chunk.length));
    instance.once("close", () => this.#client.destroySoon());
    this.#client.off("readable", this.#peek);
    this.#client.pipe(instance);
    instance.pipe(this.#client);
  }

  /** The instance did not want to: its plain answer goes out, ended by the end of the connection. */
  #answered(answer: IncomingMessage): void {
    clearTimeout(this.#timer);
    this.#status = answer.statusCode ?? 502;
    const facts = { raw: answer.rawHeaders, requestId: this.#incoming.requestId, isChunked: false, closes: true };
    this.#client.write(headText(this.#status, answer.statusMessage ?? "", answerFields(facts)), "latin1");
    answer.on("data", (chunk: Buffer) => (this.#journal.bytes += chunk.length));
    answer.on("error", () => {});
    answer.once("close", () => {
      if (!answer.complete) this.#client.destroy();
    });
    answer.pipe(this.#client);
    this.#client.off("readable", this.#peek).resume();
  }

  #fail(code: FailureCode): void {
    clearTimeout(this.#timer);
    this.#call?.cancel();
    this.#leave();
    this.#journal.code = code;
    this.#client.off("readable", this.#peek);
    const answer = renderFailure(code, this.#incoming.requestId, this.#incoming.accept);
    this.#status = answer.status;
    answerFailure(this.#client, answer);
  }

  /** Ends both directions, and cuts them after a grace. */
  #end(): void {
    const { tunnelGraceMs } = this.#traffic.policy;
    this.#client.end();
    this.#instance?.end();
    setTimeout(() => this.#client.destroy(), tunnelGraceMs).unref();
  }

  #closed(): void {
    clearTimeout(this.#timer);
    if (this.#status === 0) this.#journal.code ??= "H27";
    this.#call?.cancel();
    this.#instance?.destroy();
    this.#leave();
    this.#journal.finish(this.#status);
  }
}

function answerFailure(client: Socket, answer: FailureAnswer): void {
  const text = headText(answer.status, STATUS_CODES[answer.status] ?? "", [...answer.headers, "Connection", "close"]);
  client.write(text, "latin1");
  client.end(answer.body);
  client.resume();
}
