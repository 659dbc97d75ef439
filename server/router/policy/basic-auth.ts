import { createHmac, randomBytes } from "node:crypto";
import type { Middleware, Verdict } from "../middleware.ts";
import type { Answers } from "./answers.ts";
import type { BasicUser } from "./route-policy.ts";
import { matchesScrypt, parseScrypt, type ScryptHash } from "./scrypt.ts";

const maxKnown = 10_000;
const maxWaiting = 200;
// Costs the same as a real one, so that the time does not tell which names there are.
const nobody = parseScrypt(`scrypt$16384$8$1$${"A".repeat(24)}$${"A".repeat(43)}=`);

/** Name and password before the app is reached. The app gets the name as `X-Forwarded-User` and no password. */
export function basicAuth(users: readonly BasicUser[], realm: string, answers: Answers): Middleware {
  const checker = new Checker(users);
  const challenge = `Basic realm="${realm.replace(/["\\]/g, "")}", charset="UTF-8"`;
  return {
    name: "basic-auth",
    request(head) {
      const given = parseBasic(head.header("authorization"));
      const refused: Verdict = {
        kind: "answer",
        answer: answers.refuse("unauthorized", head, [["WWW-Authenticate", challenge]]),
      };
      if (given === undefined) return refused;
      const passed: Verdict = {
        kind: "pass",
        edit: { remove: ["authorization"], set: [["X-Forwarded-User", given.name]] },
      };
      const known = checker.known(given);
      if (known !== undefined) return known ? passed : refused;
      return checker.check(given).then((isRight) => {
        if (isRight === undefined) return { kind: "answer", answer: answers.refuse("auth_unavailable", head) };
        return isRight ? passed : refused;
      });
    },
  };
}

interface Credentials {
  readonly name: string;
  readonly password: string;
}

export function parseBasic(header: string | undefined): Credentials | undefined {
  const [, encoded] = /^basic +([A-Za-z0-9+/=_-]+) *$/i.exec(header ?? "") ?? [];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, "base64").toString("utf8");
  const colon = text.indexOf(":");
  // A name that could not stand in a header is nobody's.
  if (colon < 1 || !/^[\u0021-\u007e]+$/.test(text.slice(0, colon))) return undefined;
  return { name: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** Remembers what it has checked, under a key of this process: the hash is too dear to be made at each request. */
class Checker {
  readonly #users: ReadonlyMap<string, ScryptHash | undefined>;
  readonly #key = randomBytes(32);
  readonly #known = new Map<string, boolean>();
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(users: readonly BasicUser[]) {
    this.#users = new Map(users.map((user) => [user.name, parseScrypt(user.hash)]));
  }

  known(given: Credentials): boolean | undefined {
    return this.#known.get(this.#digest(given));
  }

  /** One at a time: guessing must not take the machine. Undefined when too many wait. */
  async check(given: Credentials): Promise<boolean | undefined> {
    if (this.#waiting >= maxWaiting) return undefined;
    this.#waiting += 1;
    const turn = this.#last.then(() => this.known(given) ?? this.#check(given));
    this.#last = turn.catch(() => {});
    try {
      return await turn;
    } finally {
      this.#waiting -= 1;
    }
  }

  async #check(given: Credentials): Promise<boolean> {
    const user = this.#users.get(given.name);
    const hash = user ?? nobody;
    const isRight = hash !== undefined && (await matchesScrypt(given.password, hash)) && user !== undefined;
    if (this.#known.size >= maxKnown) this.#known.clear();
    this.#known.set(this.#digest(given), isRight);
    return isRight;
  }

  #digest({ name, password }: Credentials): string {
    return createHmac("sha256", this.#key).update(`${name}:${password}`).digest("base64");
  }
}
