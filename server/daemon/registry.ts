import path from "node:path";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { debian13, npmRegistry, readAvailable } from "../builds/available.ts";
import type { Available } from "../builds/plan.ts";

/** Versions that can be had, asked of the registry with the trust that the machine itself has. */
export function createAvailable(home: string): (needsRegistry: boolean, signal: AbortSignal) => Promise<Available> {
  const options = {
    cacheFile: path.join(home, "cache", "versions.json"),
    stack: debian13,
    fetch: systemFetch,
    registry: (signal: AbortSignal) => npmRegistry(process.env, signal),
    now: Date.now,
    arch: process.arch,
  };
  return (needsRegistry, signal) => readAvailable(options, needsRegistry, signal);
}

/** `fetch` that trusts what the machine trusts. */
function systemFetch(url: string, init: RequestInit): Promise<Response> {
  trustSystem();
  return fetch(url, init);
}

/** Operators add certificates to the machine, not to a program on it. */
export function trustSystem(): void {
  setDefaultCACertificates([...new Set([...getCACertificates("default"), ...getCACertificates("system")])]);
}
