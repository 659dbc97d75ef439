const mount = /^\s*RUN\s+(?:--\S+\s+)*--(?:mount|network|security)=/im;
const copyFlag = /^\s*(?:COPY|ADD)\s+(?:--\S+\s+)*--(?:link|chmod|parents|exclude|checksum)\b/im;
const hereDocument = /^\s*(?:RUN|COPY|ADD)\b[^\n]*<<-?\s*["']?[A-Za-z_]/im;
const platformArgument = /^\s*ARG\s+(?:TARGET|BUILD)(?:PLATFORM|OS|ARCH|VARIANT)\b/im;
const syntax = /^#\s*syntax\s*=/im;

/** Whether a Dockerfile has something in it that the classic builder does not understand. */
export function needsBuildkit(dockerfile: string): boolean {
  return [mount, copyFlag, hereDocument, platformArgument, syntax].some((pattern) => pattern.test(dockerfile));
}

/** Ids of the secrets that steps mount: `--mount=type=secret,id=NPM_TOKEN`. */
export function mountedSecrets(dockerfile: string): readonly string[] {
  const mounts = [...dockerfile.matchAll(/--mount=(\S+)/g)].map(([, options]) => (options ?? "").split(","));
  const ids = mounts.filter((o) => o.includes("type=secret")).map((o) => o.find((part) => part.startsWith("id=")));
  return [...new Set(ids.flatMap((id) => (id === undefined ? [] : [id.slice("id=".length)])))];
}
