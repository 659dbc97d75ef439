import type { Clock } from "../core/time.ts";
import type { AuthStore } from "../store/auth.ts";

export interface AuthDeps {
  readonly store: AuthStore;
  readonly now: Clock;
}
