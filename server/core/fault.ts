/** Places in a deploy at which a test may have the daemon killed, in their order. */
export const faultPoints = [
  "deploy-begun",
  "source-checked-out",
  "image-built",
  "droplet-stored",
  "release-stored",
  "release-phase-done",
  "generation-stored",
  "instance-started",
  "before-promote",
  "after-promote",
  "after-route",
  "before-verdict",
] as const;

export type FaultPoint = (typeof faultPoints)[number];

/** Called at each point; does nothing outside tests. */
export type Fault = (point: FaultPoint) => void;

/** Kills this process without a chance to clean up when it comes to `point`. */
export function createFault(point: string | undefined): Fault {
  if (point === undefined || point === "") return () => undefined;
  return (at) => {
    if (at === point) process.kill(process.pid, "SIGKILL");
  };
}
