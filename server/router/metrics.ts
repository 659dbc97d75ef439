/** Upper bounds of the classes of times, ms; the last class has none. */
export const timeBoundsMs = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000] as const;

/** What one app's requests came to, over the life of a worker. */
export interface AppTraffic {
  readonly requests: number;
  /** 1xx, 2xx, 3xx, 4xx, 5xx. */
  readonly byClass: readonly number[];
  /** By {@link timeBoundsMs}, one more for what took longer. From the head of the request to the end of the answer. */
  readonly times: readonly number[];
  readonly totalMs: number;
  readonly lastMinute: number;
}

const slotMs = 5_000;
const slots = 13;

class Counter {
  readonly byClass = new Uint32Array(5);
  readonly times = new Uint32Array(timeBoundsMs.length + 1);
  readonly #recent = new Uint32Array(slots);
  #slot = 0;
  requests = 0;
  totalMs = 0;

  record(status: number, ms: number, now: number): void {
    this.requests += 1;
    this.totalMs += ms;
    const kind = Math.min(5, Math.max(1, Math.floor(status / 100))) - 1;
    this.byClass[kind] = (this.byClass[kind] ?? 0) + 1;
    let index = 0;
    while (index < timeBoundsMs.length && ms > (timeBoundsMs[index] ?? 0)) index += 1;
    this.times[index] = (this.times[index] ?? 0) + 1;
    this.#turn(now);
    const at = this.#slot % slots;
    this.#recent[at] = (this.#recent[at] ?? 0) + 1;
  }

  /** Of the last minute, to within 5 s. */
  recent(now: number): number {
    this.#turn(now);
    return this.#recent.reduce((sum, count, i) => (i === this.#slot % slots ? sum : sum + count), 0);
  }

  #turn(now: number): void {
    const slot = Math.floor(now / slotMs);
    const passed = Math.min(slots, slot - this.#slot);
    for (let i = 1; i <= passed; i++) this.#recent[(this.#slot + i) % slots] = 0;
    if (passed > 0) this.#slot = slot;
  }
}

/** Counts what one worker has answered, per app. */
export class Metrics {
  readonly #apps = new Map<string, Counter>();

  /** @param now of `performance.now()` */
  record(app: string, status: number, ms: number, now: number): void {
    let counter = this.#apps.get(app);
    if (counter === undefined) {
      counter = new Counter();
      this.#apps.set(app, counter);
    }
    counter.record(status, ms, now);
  }

  snapshot(now: number): Readonly<Record<string, AppTraffic>> {
    const entries = [...this.#apps].map(([app, counter]): [string, AppTraffic] => [
      app,
      {
        requests: counter.requests,
        byClass: [...counter.byClass],
        times: [...counter.times],
        totalMs: Math.round(counter.totalMs),
        lastMinute: counter.recent(now),
      },
    ]);
    return Object.fromEntries(entries);
  }
}

/** Of all workers together. */
export function sumTraffic(all: readonly Readonly<Record<string, AppTraffic>>[]): Readonly<Record<string, AppTraffic>> {
  const total: Record<string, AppTraffic> = {};
  for (const one of all) {
    for (const [app, traffic] of Object.entries(one)) {
      const known = total[app];
      total[app] = known === undefined ? traffic : add(known, traffic);
    }
  }
  return total;
}

function add(a: AppTraffic, b: AppTraffic): AppTraffic {
  const sums = (left: readonly number[], right: readonly number[]) => left.map((value, i) => value + (right[i] ?? 0));
  return {
    requests: a.requests + b.requests,
    byClass: sums(a.byClass, b.byClass),
    times: sums(a.times, b.times),
    totalMs: a.totalMs + b.totalMs,
    lastMinute: a.lastMinute + b.lastMinute,
  };
}
