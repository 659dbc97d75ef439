import type { PlanLayer } from "../../server/builds/plan.ts";

/** Where Debian has Bundler, in a folder that is named after its version. */
const home = "/usr/share/rubygems-integration/all/gems";

// Debian's security updates decide the last number of the version; the plan has checked the rest, and said so.
const addition = `
Bundler::RubyVersion.prepend(Module.new do
  def diff(other)
    found = super
    found unless found && %i[version patchlevel].include?(found.first)
  end
end)
`;
const append = `set -eu
file=$(ruby -r bundler -e 'puts Bundler::RubyVersion.instance_method(:diff).source_location.first')
case "$file" in
  ${home}/bundler-*) printf %s "$1" >>"$file" ;;
  *) echo "Bundler is at $file" >&2; exit 1 ;;
esac`;

/** Lets a Gemfile that names its Ruby to the last number, as most do, run on another one of the same line. */
export const patchLevelLayer: PlanLayer = {
  name: "ruby version",
  title: "Letting Bundler take the Ruby of the stack",
  files: [],
  commands: [
    {
      argv: ["sh", "-c", append, "take-ruby", addition],
      name: "let Bundler take the Ruby of the stack",
      user: "root",
      withConfig: false,
      hint: 'Write ruby "~> 3.3.0" into the Gemfile instead.',
    },
  ],
  launch: true,
  keep: [home],
};
