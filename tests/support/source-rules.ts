export const maxLines = 500;

interface Rule {
  readonly pattern: RegExp;
  readonly says: string;
}

const rules: readonly Rule[] = [
  { pattern: /(?:[:<|&,(]|\bas|\bextends|=>)\s*any\b(?=\s*(?:[=;,)>|&[\]{}]|$))/, says: "`any` is not allowed" },
  { pattern: /@ts-(?:ignore|nocheck|expect-error)/, says: "a compiler error is silenced" },
  { pattern: /(?:oxlint|eslint)-disable|biome[-]ignore/, says: "a rule of the linter is silenced" },
  {
    pattern: /\b(?:test|it|describe|suite)\.(?:skip|only|todo|skipIf|runIf|fails)\b/,
    says: "a test is skipped or singled out",
  },
];

/** What is wrong with one source file, as `file:line: problem`. What stands in a string on one line does not count. */
export function problemsOf(file: string, text: string): readonly string[] {
  const lines = text.trimEnd().split("\n");
  const found = lines.flatMap((line, index) => {
    const code = line.replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`/g, '""');
    return rules.filter((r) => r.pattern.test(code)).map((r) => `${file}:${index + 1}: ${r.says}`);
  });
  return lines.length > maxLines ? [`${file}: ${lines.length} lines, ${maxLines} are allowed`, ...found] : found;
}
