/** How the router's process says why it did not start. */
export const exitCodes = {
  failed: 1,
  running: 17,
  portDenied: 13,
  httpsPortDenied: 14,
  portTaken: 98,
  httpsPortTaken: 99,
} as const;
