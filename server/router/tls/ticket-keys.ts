import { randomBytes } from "node:crypto";

/** After that a stolen key opens nothing new, and tickets sealed with the one before are worth nothing. */
export const ticketLifeMs = 8 * 3_600_000;

/** New ones for all workers, 48 bytes in base64. Never on disk: a session must not outlive the router that began it. */
export function newTicketKeys(): string {
  return randomBytes(48).toString("base64");
}
