/** `my"table` becomes `"my""table"`. @throws on a NUL character, which Postgres cannot hold */
export function quoteIdentifier(name: string): string {
  return `"${withoutNul(name).replaceAll('"', '""')}"`;
}

/** A string constant that means the same whatever `standard_conforming_strings` says. @throws on a NUL character */
export function quoteLiteral(value: string): string {
  const quoted = `'${withoutNul(value).replaceAll("'", "''").replaceAll("\\", "\\\\")}'`;
  return value.includes("\\") ? `E${quoted}` : quoted;
}

function withoutNul(text: string): string {
  if (text.includes("\0")) throw new RangeError("SQL text cannot hold a NUL character");
  return text;
}
