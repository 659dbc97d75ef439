const directive = /^#\s*syntax\s*=/i;
const anyDirective = /^#\s*\w+\s*=/;

/** The Dockerfile as the engine's own reader takes it: the line that names another one is an ordinary comment. */
export function withoutSyntax(text: string): string {
  const lines = text.split("\n");
  const at = lines.findIndex((line) => directive.test(line.trim()));
  // Directives stand at the top alone; below, such a line is a comment already.
  if (at === -1 || lines.slice(0, at).some((line) => !anyDirective.test(line.trim()))) return text;
  return lines.map((line, index) => (index === at ? `# not used: ${line.replace(/^[#\s]+/, "")}` : line)).join("\n");
}
