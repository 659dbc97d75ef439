import type { Socket } from "node:net";
import type { Forwarding } from "../http1/forwarding.ts";
import { TrailerReader } from "../http1/trailers.ts";
import type { ConnectionFacts } from "../sides.ts";
import type { Timed } from "../sweeper.ts";
import type { OpenConnection, Traffic } from "../traffic.ts";
import { whenClosed } from "../when-closed.ts";
import { type BodyOwner, BodyReceiver, windowBytes } from "./body-receiver.ts";
import { ClientSettings } from "./client-settings.ts";
import { ClientStream, type StreamOwner } from "./client-stream.ts";
import { ClosedStreams } from "./closed-streams.ts";
import { type Code, codes, flags, frameTypes, maxWindow, settings, uint31At } from "./codes.ts";
import { ControlFrames } from "./control-frames.ts";
import { FloodGuard } from "./flood-guard.ts";
import { FrameReader, type FrameSink } from "./frame-reader.ts";
import { HeadBlock } from "./head-block.ts";
import { HpackDecoder } from "./hpack-decoder.ts";
import { OpenStreams } from "./open-streams.ts";
import { Outbox } from "./outbox.ts";
import { headText, malformed, RequestHead } from "./request-head.ts";
import { Sender } from "./sender.ts";

const maxStreams = 128;
/** What waits unread beyond this, heads and replies, stops us from reading. */
const maxUnread = 262_144;
/** How long a client has to hang up, or to answer that it has heard of the end. */
const goodbyeMs = 1_000;
const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
const goodbye = Buffer.from("good-bye", "latin1");
const requestHead = new RequestHead();

/** `greeting` until the client's preface and settings are here; `closing`: what still comes is thrown away. */
const phases = { greeting: 0, open: 1, closing: 2, over: 3 } as const;
type Phase = (typeof phases)[keyof typeof phases];
/** `asked`: the client was told, and what it sent before it heard of it is still taken (RFC 9113 §6.8). */
const leaves = { no: 0, asked: 1, yes: 2 } as const;
type Leave = (typeof leaves)[keyof typeof leaves];

/** One HTTP/2 connection of a client (RFC 9113). */
export class ClientSession implements OpenConnection, StreamOwner, BodyOwner, FrameSink {
  readonly traffic: Traffic;
  readonly forwarding: Forwarding;
  readonly sender: Sender;
  readonly #socket: Socket;
  readonly #outbox: Outbox;
  readonly #control: ControlFrames;
  readonly #guard: FloodGuard;
  readonly #reader: FrameReader;
  readonly #decoder = new HpackDecoder();
  readonly #settings = new ClientSettings();
  readonly #streams = new OpenStreams();
  readonly #closed = new ClosedStreams();
  readonly #bodies: BodyReceiver;
  readonly #openedAt = performance.now();
  readonly #windows = { send: 0, receive: windowBytes };
  #phase: Phase = phases.greeting;
  #leave: Leave = leaves.no;
  #prefaceBytes = 0;
  #isAcknowledged = false;
  #lastId = 0;
  /** A head that comes in several frames. */
  #head: HeadBlock | undefined;
  #isPaused = false;

  slot = -1;
  previous: Timed | undefined;
  next: Timed | undefined;
  deadline = 0;
  isMoved = false;

  constructor(socket: Socket, facts: ConnectionFacts, traffic: Traffic) {
    this.#socket = socket;
    this.traffic = traffic;
    this.forwarding = traffic.forwarding(facts, "2.0");
    this.#outbox = new Outbox(socket);
    this.#control = new ControlFrames(this.#outbox);
    this.#guard = new FloodGuard(this.#openedAt);
    this.sender = new Sender(this.#outbox, this.#guard);
    this.#reader = new FrameReader(this);
    this.#bodies = new BodyReceiver(this, this.#streams, this.#closed, this.#control, this.#guard);
    traffic.opened(this);
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    // HTTP/2 knows no half-closed connections: a client that has ended its side is gone.
    socket.on("end", () => socket.destroy());
    socket.on("drain", () => this.#drained());
    whenClosed(socket, () => this.#gone());
    this.#control.settings([
      [settings.streams, maxStreams],
      [settings.window, windowBytes],
      [settings.headBytes, traffic.policy.maxHeadBytes],
    ]);
    this.#bodies.open();
  }

  // Reading.

  #read(chunk: Buffer): void {
    if (this.#phase >= phases.closing) return;
    let start = 0;
    while (this.#prefaceBytes < preface.length && start < chunk.length) {
      if (chunk[start] !== preface[this.#prefaceBytes]) {
        this.#fail(codes.protocol);
        return;
      }
      this.#prefaceBytes += 1;
      start += 1;
    }
    this.#reader.read(chunk, start, chunk.length);
    if (this.#outbox.waiting > maxUnread && !this.#isPaused) {
      this.#isPaused = true;
      this.#socket.pause();
    }
  }

  frame(type: number, flag: number, stream: number, buf: Buffer, start: number, end: number): void {
    const code = this.#take(type, flag, stream, buf, start, end);
    if (code !== codes.none) this.#fail(code);
  }

  /** Answers what is wrong with the connection. */
  #take(type: number, flag: number, stream: number, buf: Buffer, start: number, end: number): Code {
    if (this.#phase === phases.greeting) {
      if (type !== frameTypes.settings || (flag & flags.ack) !== 0) return codes.protocol;
      this.#phase = phases.open;
    }
    if (this.#head !== undefined) {
      const isMore = type === frameTypes.continuation && stream === this.#head.stream;
      return isMore ? this.#moreOfHead(this.#head, flag, buf, start, end) : codes.protocol;
    }
    if (type === frameTypes.headers) return this.#headers(flag, stream, buf, start, end);
    if (type === frameTypes.window) return this.#windowUpdate(stream, buf, start, end);
    if (type === frameTypes.reset) return this.#takenBack(stream, end - start);
    if (type === frameTypes.push || type === frameTypes.continuation) return codes.protocol;
    if (this.#guard.useless()) return codes.enhanceYourCalm;
    if (type === frameTypes.priority) return this.#priority(stream, buf, start, end);
    const isOfConnection = type === frameTypes.settings || type === frameTypes.ping || type === frameTypes.goaway;
    if (!isOfConnection) return codes.none;
    if (stream !== 0) return codes.protocol;
    if (type === frameTypes.settings) return this.#takeSettings(flag, buf, start, end);
    if (type === frameTypes.ping) return this.#ping(flag, buf, start, end);
    // The client begins nothing more.
    this.leave();
    return codes.none;
  }

  broken(code: Code): void {
    this.#fail(code);
  }

  // Heads.

  #headers(flag: number, stream: number, buf: Buffer, start: number, end: number): Code {
    if (stream % 2 === 0) return codes.protocol;
    let first = start;
    let last = end;
    if ((flag & flags.padded) !== 0) {
      last -= buf[first++] as number;
      if (last < first) return codes.protocol;
    }
    let isOwnParent = false;
    if ((flag & flags.priority) !== 0) {
      if (last - first < 5) return codes.frameSize;
      isOwnParent = uint31At(buf, first) === stream;
      first += 5;
    }
    if ((flag & flags.endHeaders) !== 0) return this.#block(flag, stream, isOwnParent, buf, first, last);
    this.#head = new HeadBlock(stream, flag, isOwnParent);
    this.#head.add(buf, first, last);
    this.deadline = 0;
    return codes.none;
  }

  #moreOfHead(head: HeadBlock, flag: number, buf: Buffer, start: number, end: number): Code {
    head.add(buf, start, end);
    if (head.isTooMuch(this.traffic.policy.maxHeadBytes)) return codes.enhanceYourCalm;
    if ((flag & flags.endHeaders) === 0) return codes.none;
    this.#head = undefined;
    this.deadline = 0;
    const block = head.take();
    return this.#block(head.flag, head.stream, head.isOwnParent, block, 0, block.length);
  }

  /** Whatever becomes of it, it has to be decoded: later ones refer to it. */
  #block(flag: number, id: number, isOwnParent: boolean, buf: Buffer, start: number, end: number): Code {
    const isWhole = (flag & flags.endStream) !== 0;
    const known = id > this.#lastId ? undefined : this.#streams.find(id);
    const isNew = id > this.#lastId;
    requestHead.begin(this.traffic.policy.maxHeadBytes, !isNew);
    if (!this.#decoder.decode(buf, start, end, requestHead)) return codes.compression;
    if (!isNew) {
      if (known !== undefined) this.#trailers(known, isWhole);
      else if (!this.#closed.has(id)) return codes.streamClosed;
      return codes.none;
    }
    this.#lastId = id;
    if (this.#leave === leaves.yes || this.#streams.size >= maxStreams) return this.#refuse(id, codes.refused);
    if (isOwnParent) return this.#refuse(id, codes.protocol);
    this.#guard.useful();
    this.#request(id, isWhole);
    return codes.none;
  }

  #request(id: number, isWhole: boolean): void {
    const status = requestHead.finish(isWhole);
    if (status === malformed) {
      this.#refuse(id, codes.protocol);
      return;
    }
    this.#windows.send = this.#settings.window;
    const stream = new ClientStream(this, id, headText, this.#windows, isWhole);
    this.#streams.add(stream);
    if (this.#streams.size === 1) this.deadline = 0;
    if (status === 0) stream.begin();
    else stream.refuse(status);
  }

  #refuse(id: number, code: Code): Code {
    this.#closed.add(id);
    this.#control.reset(id, code);
    return this.#guard.reset() ? codes.enhanceYourCalm : codes.none;
  }

  #trailers(stream: ClientStream, isWhole: boolean): void {
    if (stream.isRequestWhole) {
      this.reset(stream, codes.streamClosed);
      return;
    }
    const section = requestHead.finishTrailers();
    if (section === undefined || !isWhole) {
      this.reset(stream, codes.protocol);
      return;
    }
    const reader = new TrailerReader();
    if (reader.read(section, 0, section.length) === section.length) stream.receivedAll(reader.lines);
    else stream.receivedBadTrailers();
  }

  // Bodies.

  dataBegins(flag: number, id: number, length: number): void {
    const isExpected = this.#phase === phases.open && this.#head === undefined && id > 0 && id <= this.#lastId;
    const code = isExpected ? this.#bodies.begin(flag, id, length) : codes.protocol;
    if (code !== codes.none) this.#fail(code);
  }

  data(buf: Buffer, start: number, end: number): void {
    this.#bodies.part(buf, start, end);
  }

  dataEnds(): void {
    this.#bodies.end();
  }

  credit(stream: ClientStream, bytes: number): void {
    this.#bodies.credit(stream, bytes);
  }

  // Windows, settings and the rest.

  #windowUpdate(id: number, buf: Buffer, start: number, end: number): Code {
    if (end - start !== 4) return codes.frameSize;
    if (id > this.#lastId) return codes.protocol;
    if (this.#guard.useless()) return codes.enhanceYourCalm;
    const increment = uint31At(buf, start);
    if (id === 0) {
      if (increment === 0) return codes.protocol;
      if (!this.sender.open(increment)) return codes.flowControl;
      this.sender.pump();
      return codes.none;
    }
    const stream = this.#streams.find(id);
    if (stream === undefined) return codes.none;
    stream.sendWindow += increment;
    if (increment === 0) this.reset(stream, codes.protocol);
    else if (stream.sendWindow > maxWindow) this.reset(stream, codes.flowControl);
    else if (stream.isWaiting) this.sender.pump();
    return codes.none;
  }

  #takeSettings(flag: number, buf: Buffer, start: number, end: number): Code {
    if ((flag & flags.ack) !== 0) {
      this.#isAcknowledged = true;
      return end === start ? codes.none : codes.frameSize;
    }
    const before = this.#settings.window;
    const code = this.#settings.take(buf, start, end);
    if (code !== codes.none) return code;
    const change = this.#settings.window - before;
    if (change !== 0) {
      for (const stream of this.#streams.list()) {
        stream.sendWindow += change;
        if (stream.sendWindow > maxWindow) return codes.flowControl;
      }
    }
    this.#control.settingsAck();
    this.sender.encoder.limit(this.#settings.tableBytes);
    if (change > 0) this.sender.pump();
    return codes.none;
  }

  #ping(flag: number, buf: Buffer, start: number, end: number): Code {
    if (end - start !== 8) return codes.frameSize;
    if ((flag & flags.ack) === 0) this.#control.ping(buf, start, flags.ack);
    else if (this.#leave === leaves.asked && goodbye.equals(buf.subarray(start, end))) this.#left();
    return codes.none;
  }

  /** Priorities are not looked at (RFC 9113 §5.3.2), but a frame is still a frame. */
  #priority(id: number, buf: Buffer, start: number, end: number): Code {
    if (id === 0) return codes.protocol;
    const stream = this.#streams.find(id);
    if (end - start !== 5) {
      if (stream === undefined) return codes.frameSize;
      this.reset(stream, codes.frameSize);
    } else if (uint31At(buf, start) === id) {
      if (stream === undefined) return codes.protocol;
      this.reset(stream, codes.protocol);
    }
    return codes.none;
  }

  #takenBack(id: number, length: number): Code {
    if (length !== 4) return codes.frameSize;
    if (id === 0 || id > this.#lastId) return codes.protocol;
    const stream = this.#streams.find(id);
    if (stream === undefined) return this.#guard.useless() ? codes.enhanceYourCalm : codes.none;
    this.#remove(stream);
    return this.#guard.reset() ? codes.enhanceYourCalm : codes.none;
  }

  // Streams that end.

  reset(stream: ClientStream, code: Code): void {
    if (stream.slot === -1) return;
    this.#control.reset(stream.id, code);
    this.#closed.add(stream.id);
    this.#remove(stream);
    // Those are ours.
    const isOwn = code === codes.none || code === codes.internal || code === codes.cancel;
    if (!isOwn && this.#guard.reset()) this.#fail(codes.enhanceYourCalm);
  }

  ended(stream: ClientStream): void {
    this.#remove(stream);
  }

  #remove(stream: ClientStream): void {
    this.#streams.remove(stream);
    stream.gone();
    if (this.#streams.size > 0 || this.#phase >= phases.closing) {
      if (this.traffic.isClosing) this.leave();
      return;
    }
    this.deadline = 0;
    if (this.#leave === leaves.yes) this.#close();
    else if (this.traffic.isClosing) this.leave();
  }

  // The connection.

  get isClosing(): boolean {
    return this.#phase >= phases.closing;
  }

  get isIdle(): boolean {
    return this.#streams.size === 0;
  }

  destroy(): void {
    if (this.#phase < phases.closing) this.#sayGoodbye(codes.none);
    this.#socket.destroySoon();
  }

  /** What is under way may end; the client opens another connection for more. */
  leave(): void {
    if (this.#leave !== leaves.no || this.#phase !== phases.open) return;
    this.#leave = leaves.asked;
    this.deadline = 0;
    this.#control.goaway(maxWindow, codes.none);
    this.#control.ping(goodbye, 0, 0);
  }

  #left(): void {
    this.#leave = leaves.yes;
    if (this.#streams.size === 0) this.#close();
    else this.#control.goaway(this.#lastId, codes.none);
  }

  timeoutMs(): number {
    const { clientKeepAliveMs, headTimeoutMs } = this.traffic.policy;
    if (this.#phase === phases.closing || this.#leave === leaves.asked) return goodbyeMs;
    if (!this.#isAcknowledged) return Math.max(0, this.#openedAt + headTimeoutMs - performance.now());
    if (this.#head !== undefined) return headTimeoutMs;
    return this.#streams.size === 0 ? clientKeepAliveMs : Number.POSITIVE_INFINITY;
  }

  expired(): void {
    this.deadline = 0;
    if (this.#phase === phases.closing) this.#socket.destroy();
    else if (this.#leave === leaves.asked) this.#left();
    else if (!this.#isAcknowledged) this.#fail(codes.settingsTimeout);
    else if (this.#head !== undefined) this.#fail(codes.enhanceYourCalm);
    else this.leave();
  }

  #drained(): void {
    if (this.#isPaused) {
      this.#isPaused = false;
      this.#socket.resume();
    }
    this.sender.pump();
  }

  #fail(code: Code): void {
    if (this.#phase >= phases.closing) return;
    this.#sayGoodbye(code);
    this.#socket.end();
  }

  #close(): void {
    if (this.#phase >= phases.closing) return;
    this.#sayGoodbye(codes.none);
    this.#socket.end();
  }

  /** It is the last thing that is said: what still comes is thrown away, so that the client gets to read it. */
  #sayGoodbye(code: Code): void {
    this.#phase = phases.closing;
    this.deadline = 0;
    this.#reader.isStopped = true;
    this.#control.goaway(this.#lastId, code);
    this.#outbox.send();
    this.#endStreams();
    if (this.#isPaused) this.#socket.resume();
  }

  #gone(): void {
    const wasOver = this.#phase === phases.over;
    this.#phase = phases.over;
    this.#reader.isStopped = true;
    this.#outbox.send();
    if (wasOver) return;
    this.traffic.closed(this);
    this.#endStreams();
  }

  #endStreams(): void {
    for (const stream of this.#streams.list()) {
      this.#streams.remove(stream);
      stream.gone();
    }
  }
}
