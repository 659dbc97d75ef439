/** The codings that a client takes (RFC 9110 12.5.3), lower case. `*` stands for those it does not name. */
export function acceptedCodings(header: string | undefined): ReadonlySet<string> {
  const accepted = new Set<string>();
  for (const member of (header ?? "").split(",")) {
    const [coding = "", ...parameters] = member.split(";").map((part) => part.trim().toLowerCase());
    const isRefused = parameters.some((parameter) => /^q=0(?:\.0{0,3})?$/.test(parameter));
    if (coding !== "" && !isRefused) accepted.add(coding);
  }
  return accepted;
}
