/**
 * What a route wants beside plain forwarding, as it stands in the routing table: plain JSON. `compile.ts` makes it ready
 * for use; the data path knows nothing of its content.
 */
export interface RoutePolicy {
  /** Times of this route in place of the router's own, in ms. */
  readonly timeouts?: {
    readonly connectMs?: number;
    /** From the last byte of the request to the first of the answer (H12). */
    readonly firstByteMs?: number;
    /** Without a byte in either direction (H15, H28). */
    readonly idleMs?: number;
  };
}
