/** One word for a POSIX shell, whatever it contains. */
export function shellQuote(value: string): string {
  return /^[A-Za-z0-9_/.:,@%+=-]+$/.test(value) ? value : `'${value.replaceAll("'", String.raw`'\''`)}'`;
}
