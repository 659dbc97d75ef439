import { describe, expect, test } from "vitest";
import { debianMirror, sourceLines } from "../../../server/host/apt-sources.ts";

const debian = `Types: deb
# a snapshot
URIs: http://mirror.example/debian/
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
`;

describe("the Debian mirror", () => {
  test("is the one of deb822 sources, with its security archive", () => {
    expect(debianMirror(["", debian])).toEqual({
      archive: "http://mirror.example/debian",
      security: "http://mirror.example/debian-security",
    });
  });

  test("is the one of one-line sources, options and other repositories apart", () => {
    const list = `# deb http://old.example/debian bookworm main
deb [arch=amd64 signed-by=/k.gpg] https://packages.example/tools stable main
deb-src http://mirror.example/debian bookworm main
deb https://mirror.example/debian bookworm main contrib
`;
    expect(debianMirror([list])).toEqual({ archive: "https://mirror.example/debian", security: undefined });
  });

  test("ignores stanzas that are switched off and mirrors that are not on the web", () => {
    const off = debian.replaceAll("Types: deb\n", "Types: deb\nEnabled: no\n");
    const cdrom = "deb cdrom:[Debian]/ bookworm main\ndeb file:///srv/debian bookworm main\n";
    expect(debianMirror([off, cdrom]).archive).toBe("http://deb.debian.org/debian");
  });

  test("is the public one on a machine of another distribution", () => {
    expect(debianMirror(["deb http://archive.ubuntu.com/ubuntu noble main\n"])).toEqual({
      archive: "http://deb.debian.org/debian",
      security: "http://deb.debian.org/debian-security",
    });
  });
});

test("the source lines name the stack's release, and security only where the machine has it", () => {
  expect(sourceLines({ archive: "http://m/debian", security: "http://m/sec" }, "trixie")).toEqual([
    "deb http://m/debian trixie main",
    "deb http://m/debian trixie-updates main",
    "deb http://m/sec trixie-security main",
  ]);
  expect(sourceLines({ archive: "http://m/debian", security: undefined }, "trixie")).toHaveLength(2);
});
