const mount = /^\s*RUN\s+(?:--\S+\s+)*--(?:mount|network|security)=/im;
const copyFlag = /^\s*(?:COPY|ADD)\s+(?:--\S+\s+)*--(?:link|chmod|parents|exclude|checksum)\b/im;
const hereDocument = /^\s*(?:RUN|COPY|ADD)\b[^\n]*<<-?\s*["']?[A-Za-z_]/im;
const platformArgument = /^\s*ARG\s+(?:TARGET|BUILD)(?:PLATFORM|OS|ARCH|VARIANT)\b/im;
const syntax = /^#\s*syntax\s*=/im;

/** Whether a Dockerfile has something in it that the classic builder does not understand. */
export function needsBuildkit(dockerfile: string): boolean {
  return [mount, copyFlag, hereDocument, platformArgument, syntax].some((pattern) => pattern.test(dockerfile));
}
