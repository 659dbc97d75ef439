/** Writes bun, version $1, beside Node. A processor without AVX2 gets the build for it. */
export const unpackBun = `set -euo pipefail
case "$(uname -m)" in
  x86_64) name=bun-linux-x64; grep -qw avx2 /proc/cpuinfo || name=bun-linux-x64-baseline ;;
  aarch64) name=bun-linux-aarch64 ;;
  *) echo "There is no bun package for $(uname -m)" >&2; exit 1 ;;
esac
curl -fsSL --retry 3 --max-time 300 "$NPM_REGISTRY@oven/$name/-/$name-$1.tgz" | tar -xz -O package/bin/bun >/opt/node/bin/bun
chmod 755 /opt/node/bin/bun
ln -sf bun /opt/node/bin/bunx
bun --version`;

/**
 * bun removes nothing that an earlier install put there, so node_modules is made anew from its cache; without the
 * scripts of package.json, which have run.
 */
export const pruneBun = `set -euo pipefail
trap 'mv /tmp/package.json package.json' EXIT
cp package.json /tmp/package.json
bun pm pkg delete scripts >/dev/null
find . -name node_modules -type d -prune -exec rm -rf {} +
bun install --production`;
