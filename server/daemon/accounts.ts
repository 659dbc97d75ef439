import { Accounts } from "../auth/accounts.ts";
import { Authority } from "../auth/authority.ts";
import type { Actor } from "../core/types.ts";
import { createAuthStore } from "../store/auth.ts";
import type { State } from "./state.ts";

const oneCommandMs = 24 * 60 * 60_000;

/** Who may do what; users, keys and tokens. */
export function createAccounts(state: State) {
  const deps = { store: createAuthStore(state.db), now: Date.now };
  const authority = new Authority(deps);
  const own = new Accounts(deps, authority);
  const accounts = {
    users: () => own.users(),
    addUser: (actor: Actor, user: Parameters<Accounts["addUser"]>[1]) => own.addUser(actor, user),
    setRole: (actor: Actor, name: string, role: string) => own.setRole(actor, name, role),
    removeUser: (actor: Actor, name: string) => own.removeUser(actor, name),
    keys: (actor: Actor, user?: string) => own.keys(actor, user),
    addKey: (actor: Actor, key: Parameters<Accounts["addKey"]>[1]) => own.addKey(actor, key),
    removeKey: (actor: Actor, wanted: string) => own.removeKey(actor, wanted),
    tokens: (actor: Actor, user?: string) => own.tokens(actor, user),
    createToken: (actor: Actor, token: Parameters<Accounts["createToken"]>[1]) => own.createToken(actor, token),
    revokeToken: (actor: Actor, id: string) => own.revokeToken(actor, id),
    /** A token for one command that came by ssh. */
    issueToken(actor: Actor) {
      const { id, token } = own.createToken(actor, {
        title: "ssh command",
        expiresInMs: oneCommandMs,
        isOneCommand: true,
      });
      return { token, revoke: () => own.revokeToken(actor, id) };
    },
  };
  return { authority, accounts };
}
