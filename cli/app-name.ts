const scpForm = /^[^/:]+:(?!\/\/)(.+)$/;

/**
 * The app that a git remote of ours names: `ssh://paas@host:2222/shop`, `paas@host:shop`, `http://host/shop.git`.
 * Undefined when the address names none.
 */
export function remoteApp(remote: string): string | undefined {
  const location = scpForm.exec(remote)?.[1] ?? URL.parse(remote)?.pathname;
  const name = location
    ?.replace(/\/+$/, "")
    .split("/")
    .pop()
    ?.replace(/\.git$/, "");
  return name === undefined || !/^[a-z][a-z0-9-]*$/.test(name) ? undefined : name;
}
