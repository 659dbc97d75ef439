import type { ServiceInstance } from "../core/types.ts";
import type { ServiceKind } from "./kind.ts";
import { postgres } from "./postgres.ts";
import { redis } from "./redis.ts";

/** All offerings, in the order of the marketplace. */
export const kinds: readonly ServiceKind[] = [postgres, redis];

/** The label of services whose credentials a user gave. */
export const userProvided = "user-provided";

/** Undefined for a user-provided service and for what is not offered. */
export function kindOf(offering: string): ServiceKind | undefined {
  return kinds.find((kind) => kind.offering.name === offering);
}

/** `postgres, small` */
export function describe(service: Pick<ServiceInstance, "offering" | "plan">): string {
  return [service.offering, service.plan].filter((part) => part !== undefined).join(", ");
}
