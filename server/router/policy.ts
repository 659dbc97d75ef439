/** Times and limits of the data path. Those with a code follow Heroku's router. */
export interface Policy {
  /** To connect to one instance (H19). */
  readonly connectTimeoutMs: number;
  /** Over all instances that are tried. */
  readonly connectBudgetMs: number;
  readonly maxAttempts: number;
  /** When all instances refuse: how long they and the table are looked at again before that is told (H21). */
  readonly refusedPatienceMs: number;
  /** From the last byte of the request to the first of the answer (H12). */
  readonly firstByteTimeoutMs: number;
  /** Without a byte in either direction (H15, H28). */
  readonly idleTimeoutMs: number;
  /** Idle periods for which a client may leave its answer unread: the kernel reports progress only in large steps. */
  readonly stalledPeriods: number;
  /** How long what is left of a request is read and thrown away after its answer. */
  readonly lingerMs: number;
  /** After the client's FIN: when it is first asked whether it still waits for its answer. */
  readonly probeMs: number;
  /** How long a client that expects `100 Continue` waits for the instance's word before the router gives its own. */
  readonly continueAfterMs: number;
  /** For a whole request head. */
  readonly headTimeoutMs: number;
  readonly clientKeepAliveMs: number;
  /** Below the 5 s after which Node's own server closes an idle connection. */
  readonly instanceKeepAliveMs: number;
  /** One HTTP/2 connection of a client may bring 128 requests at once: fewer would be connected anew again and again. */
  readonly idlePerInstance: number;
  readonly maxHeadBytes: number;
  readonly maxHeaders: number;
  readonly maxAnswerHeadBytes: number;
  /** Between the polite end of a tunnel and its cut. */
  readonly tunnelGraceMs: number;
}

export const defaultPolicy: Policy = {
  connectTimeoutMs: 5_000,
  connectBudgetMs: 10_000,
  maxAttempts: 10,
  refusedPatienceMs: 2_000,
  firstByteTimeoutMs: 30_000,
  idleTimeoutMs: 55_000,
  stalledPeriods: 5,
  lingerMs: 30_000,
  probeMs: 500,
  continueAfterMs: 1_000,
  headTimeoutMs: 30_000,
  clientKeepAliveMs: 95_000,
  instanceKeepAliveMs: 4_000,
  idlePerInstance: 256,
  maxHeadBytes: 65_536,
  maxHeaders: 1_000,
  maxAnswerHeadBytes: 262_144,
  tunnelGraceMs: 2_000,
};
