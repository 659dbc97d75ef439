/** One line of what a push asks for. An object id is undefined where the ref does not exist before or after. */
export interface RefUpdate {
  readonly ref: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** Reads `<old> <new> <ref>` lines as git gives them to a receive hook. Lines of another form are dropped. */
export function parseUpdates(lines: readonly string[]): readonly RefUpdate[] {
  return lines.flatMap((line) => {
    const match = /^([0-9a-f]{40,64}) ([0-9a-f]{40,64}) (.+)$/s.exec(line);
    if (match === null) return [];
    const [, before = "", after = "", ref = ""] = match;
    return [{ ref, before: objectId(before), after: objectId(after) }];
  });
}

function objectId(hex: string): string | undefined {
  return /^0+$/.test(hex) ? undefined : hex;
}
