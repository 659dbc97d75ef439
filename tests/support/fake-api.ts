import { createApi, type Api } from "../../server/api/api.ts";
import type { AccountsPort, ApiDeps } from "../../server/api/ports.ts";
import { AppError } from "../../server/core/errors.ts";
import { silentLog } from "../../server/core/log.ts";
import type { Actor } from "../../server/core/types.ts";
import { fakePlatform, type FakeState } from "./fake-platform.ts";

/** Tokens that the fake knows: `ann` may everything, `bob` nothing. */
export const tokens = { ann: "token-of-ann", bob: "token-of-bob" } as const;

/** The real API over a platform in memory. */
export function fakeApi(state: FakeState, changes: Partial<ApiDeps> = {}): Api {
  return createApi({
    platform: fakePlatform(state),
    auth: {
      byToken: (token) => actors.find(({ name }) => token === `token-of-${name}`),
      roleOf: ({ name }) => (name === "bob" ? undefined : "admin"),
      record: (actor, verb, { app, service }) =>
        void state.audit.unshift({ at: 0, actor: actor.name, verb, resource: app ?? service ?? "" }),
      audit: (count) => state.audit.slice(0, count),
    },
    authorize: (actor, verb) => {
      if (actor.name === "bob") throw new AppError("FORBIDDEN", { actor: actor.name, verb, resource: "it" });
    },
    accounts: fakeAccounts(state),
    gitHttp: async (_request, response, actor) => {
      response.end(`git for ${actor.name}`);
    },
    log: silentLog,
    version: "1.2.3",
    domain: "apps.test",
    closedDoors: () => [],
    shutdown: new AbortController().signal,
    ...changes,
  });
}

const actors: readonly Actor[] = [
  { kind: "user", name: "ann" },
  { kind: "user", name: "bob" },
];

function fakeAccounts(state: FakeState): AccountsPort {
  const user = { name: "ann", role: "admin", createdAt: 0 };
  const key = { fingerprint: "SHA256:abc", title: "laptop", user: "ann", createdAt: 0 };
  const token = { id: "t1", title: "laptop", user: "ann", createdAt: 0, expiresAt: undefined };
  return {
    users: () => [user],
    addUser: (_actor, { name, role = "developer" }) => ({ ...user, name, role }),
    setRole: (_actor, name, role) => ({ ...user, name, role }),
    removeUser: () => undefined,
    keys: () => state.keys.map((fingerprint) => ({ ...key, fingerprint })),
    addKey: (_actor, { publicKey, title = "key" }) => {
      state.done.push(`key ${publicKey}`);
      return { ...key, title };
    },
    removeKey: () => undefined,
    tokens: () => [token],
    createToken: (_actor, { title, expiresInMs }) => ({ ...token, title, expiresAt: expiresInMs, token: tokens.ann }),
    revokeToken: () => undefined,
  };
}
