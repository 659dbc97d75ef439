import type { FailureCode } from "./failures.ts";
import type { Instance } from "./instances.ts";
import type { LiveRoute } from "./live-table.ts";
import type { OwnAnswer } from "./middleware.ts";
import { PolicyRun, waiting } from "./policy-run.ts";
import type { ClientSide } from "./sides.ts";
import type { Traffic } from "./traffic.ts";
import { Tries } from "./tries.ts";

const refusedPauseMs = 100;

/** The exchange that an instance is looked for. */
export interface Choosing {
  /** The route for it by the table of this moment. */
  match(): LiveRoute | undefined;
  /** Nothing is decided yet; not so any more when it was answered, or its client has gone. */
  readonly isDeciding: boolean;
  /** Back to where nothing is decided. */
  startOver(): void;
  /** It was let in by the policy of this route. */
  governs(policy: PolicyRun, route: LiveRoute): void;
  /** `mayMove`: another may be asked while the connection to this one does not come. */
  open(instance: Instance, mayMove: boolean): void;
  fail(code: FailureCode): void;
  answerItself(own: OwnAnswer): void;
}

/** Looks for an instance where the route's next will not do: policies, waits, and others after one that was asked in vain. */
export class Chooser {
  readonly #traffic: Traffic;
  readonly #client: ClientSide;
  readonly #exchange: Choosing;
  #policy: PolicyRun | undefined;
  #tries: Tries | undefined;

  constructor(traffic: Traffic, client: ClientSide, exchange: Choosing) {
    this.#traffic = traffic;
    this.#client = client;
    this.#exchange = exchange;
  }

  /** Those that were asked in vain. */
  get asked(): readonly Instance[] | undefined {
    return this.#tries?.asked;
  }

  decide(route: LiveRoute, policy: PolicyRun): void {
    this.#policy = policy;
    this.#exchange.governs(policy, route);
    policy.decide((own) => {
      if (!this.#exchange.isDeciding) return;
      if (own === undefined) this.attempt();
      else this.#exchange.answerItself(own);
    });
  }

  /** Looks at the table anew: an instance chosen before may have been drained since. */
  attempt(): void {
    const route = this.#exchange.match();
    if (route === undefined) this.#exchange.fail("unknown_route");
    else if (this.#tries?.isOver === true) this.#exchange.fail(this.#tries.refusal);
    else if (this.#policy?.picker !== undefined) this.#pick(this.#policy, route);
    else {
      const instance = route.next(this.asked);
      if (instance === undefined) this.nobody(route);
      else this.#exchange.open(instance, true);
    }
  }

  nobody(route: LiveRoute): void {
    const tries = this.#begun();
    const isRefused = tries.asked.length > 0;
    if (!tries.startAgain()) {
      this.#exchange.fail(isRefused ? tries.refusal : route.absence);
      return;
    }
    this.#exchange.startOver();
    setTimeout(() => this.#again(), refusedPauseMs);
  }

  tryOthers(than: Instance, refusal?: FailureCode): void {
    this.#begun().add(than, refusal);
  }

  #begun(): Tries {
    return (this.#tries ??= new Tries(this.#traffic.policy, this.#client.facts.startedAt));
  }

  #again(): void {
    if (!this.#exchange.isDeciding) return;
    const route = this.#exchange.match();
    // It may say by now that an instance starts, and what to wait for.
    if (this.#policy === undefined && route?.policy !== undefined) {
      this.decide(route, new PolicyRun(route.policy, this.#client));
    } else this.attempt();
  }

  #pick(policy: PolicyRun, route: LiveRoute): void {
    const { facts } = this.#client;
    const candidates = route.candidates(this.asked);
    this.#exchange.startOver();
    const again = () => {
      if (!this.#exchange.isDeciding) return;
      const next = this.#exchange.match();
      if (next === undefined) this.#exchange.fail("unknown_route");
      else this.#pick(policy, next);
    };
    const picked = policy.pick(route, candidates, this.asked, facts.startedAt, again);
    if (picked === waiting) return;
    if (picked?.kind === "target") {
      // A route service is no instance of the table.
      const instance = candidates.find((one) => one.target.id === picked.target.id);
      const mayMove = instance !== undefined && facts.namesInstance !== true;
      this.#exchange.open(instance ?? this.#traffic.instances.of(picked.target), mayMove);
    } else if (picked?.kind === "none") this.#exchange.fail(picked.code);
    else this.nobody(route);
  }
}
