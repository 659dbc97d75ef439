import type { FailureCode } from "./failures.ts";
import type { Instance } from "./instances.ts";
import type { Policy } from "./policy.ts";

/** The instances that one request has asked in vain, and for how long it goes on. Nothing of it was sent to any of them. */
export class Tries {
  readonly #policy: Policy;
  /** When the request came, of `performance.now()`. */
  readonly #startedAt: number;
  #patienceEnds = 0;
  asked: readonly Instance[] = [];
  /** What the last of them was told as. */
  refusal: FailureCode = "H21";

  constructor(policy: Policy, startedAt: number) {
    this.#policy = policy;
    this.#startedAt = startedAt;
  }

  add(instance: Instance, refusal = this.refusal): void {
    this.asked = [...this.asked, instance];
    this.refusal = refusal;
  }

  get isOver(): boolean {
    const { maxAttempts, connectBudgetMs } = this.#policy;
    const count = this.asked.length;
    return count > 0 && (count >= maxAttempts || performance.now() - this.#startedAt >= connectBudgetMs);
  }

  /** Where all have refused another table may be on its way: for a while all of them are asked again. */
  startAgain(): boolean {
    const now = performance.now();
    // From the first time on: to learn that a container is gone takes the kernel 3 s.
    if (this.#patienceEnds === 0) this.#patienceEnds = now + this.#policy.refusedPatienceMs;
    if (this.asked.length === 0 || this.refusal !== "H21" || now >= this.#patienceEnds) return false;
    this.asked = [];
    return true;
  }
}
