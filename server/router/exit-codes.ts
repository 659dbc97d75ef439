/** How the router's process says why it did not start. */
export const exitCodes = { failed: 1, running: 17, portDenied: 13, portTaken: 98 } as const;
