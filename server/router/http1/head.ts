/*
 * What the parser found in the head it has read last. One set of registers per process and no object per message: who
 * needs a value after the next head takes it out before.
 */
export const head = {
  /** Where the field lines that were written to `out` begin and end; without the empty line. */
  fieldsStart: 0,
  out: 0,
  minor: 1,
  /** −1 for none. */
  length: -1,
  isChunked: false,
  closes: false,
  keepsAlive: false,
  hasTrailer: false,
  /** A field asks for one instance (`X-CF-App-Instance` and its like). */
  namesInstance: false,
  fields: 0,

  methodStart: 0,
  methodEnd: 0,
  targetStart: 0,
  targetEnd: 0,
  /** The absolute target had its own host, and no path. */
  isAbsolute: false,
  needsSlash: false,
  hostStart: 0,
  hostEnd: 0,
  hasHost: false,
  /** 0 none, 1 `100-continue`, 2 another or several. */
  expects: 0,
  wantsUpgrade: false,
  upgradeStart: 0,
  upgradeEnd: 0,
  idStart: 0,
  idEnd: 0,
  ids: 0,
  forwardedForStart: 0,
  forwardedForEnd: 0,
  /** More lines of X-Forwarded-For: start, end, start, end. */
  forwardedForMore: undefined as number[] | undefined,
  protoStart: 0,
  protoEnd: 0,
  forwardedHostStart: 0,
  forwardedHostEnd: 0,
  /** The last line of X-Forwarded-Client-Cert. */
  clientCertStart: 0,
  clientCertEnd: 0,

  status: 0,
  reasonStart: 0,
  reasonEnd: 0,
  /** Seconds of `Keep-Alive: timeout=…`, −1 when it is not there. */
  keepAliveSeconds: -1,

  /** Names that `Connection` takes away. */
  nominated: undefined as Set<string> | undefined,
  /** Why a head was refused: a status, and words for people. */
  refusal: 0,
  cause: "",
};

export function resetHead(): void {
  head.length = -1;
  head.isChunked = false;
  head.closes = false;
  head.keepsAlive = false;
  head.hasTrailer = false;
  head.namesInstance = false;
  head.fields = 0;
  head.hasHost = false;
  head.expects = 0;
  head.wantsUpgrade = false;
  head.upgradeStart = 0;
  head.upgradeEnd = 0;
  head.ids = 0;
  head.forwardedForEnd = 0;
  head.forwardedForMore = undefined;
  head.protoEnd = 0;
  head.forwardedHostEnd = 0;
  head.clientCertEnd = 0;
  head.keepAliveSeconds = -1;
  head.nominated = undefined;
  head.refusal = 0;
}

/** The head is not whole yet. */
export const incomplete = 0;
export const refused = -1;

export function refuse(status: number, cause: string): typeof refused {
  head.refusal = status;
  head.cause = cause;
  return refused;
}
