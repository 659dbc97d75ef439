import type { Forwarding, Via } from "./http1/forwarding.ts";
import type { Instances } from "./instances.ts";
import type { LiveRoute } from "./live-table.ts";
import type { Metrics } from "./metrics.ts";
import type { CompiledPolicy } from "./policy/compiled-policy.ts";
import type { Policy } from "./policy.ts";
import type { RecordBuffer } from "./record-buffer.ts";
import type { ConnectionFacts, InstanceTransport } from "./sides.ts";
import type { Slotted } from "./slots.ts";
import type { Requested } from "./table.ts";
import type { Timed } from "./sweeper.ts";

/** A connection of a client, of any protocol. */
export interface OpenConnection extends Timed, Slotted {
  /** Nothing is under way on it. */
  readonly isIdle: boolean;
  destroy(): void;
  /** Tells the client to take another connection for what comes next. */
  leave?(): void;
}

/** What every exchange of one worker shares. */
export interface Traffic {
  readonly policy: Policy;
  readonly instances: Instances;
  readonly metrics: Metrics;
  readonly records: RecordBuffer;
  /** The worker ends: connections to clients are not kept. */
  readonly isClosing: boolean;
  /** By the table as it is at this moment. */
  match(request: Requested): LiveRoute | undefined;
  /** What a connection to a client says of its requests. */
  forwarding(connection: ConnectionFacts, via: Via): Forwarding;
  transport(protocol: CompiledPolicy["instanceProtocol"]): InstanceTransport;
  opened(connection: OpenConnection): void;
  closed(connection: OpenConnection): void;
  /** Puts a time limit under watch. */
  watch(one: Timed): void;
  unwatch(one: Timed): void;
  /** ms since the epoch, as digits. */
  startMs(monotonic: number): Buffer;
  wallClock(monotonic: number): number;
  finished(code: string | undefined): void;
}
