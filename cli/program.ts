import { Command, CommanderError } from "commander";
import { accountVerbs } from "./commands/accounts.ts";
import { appVerbs } from "./commands/apps.ts";
import { buildpackVerbs } from "./commands/buildpacks.ts";
import { buildVerbs } from "./commands/builds.ts";
import { certVerbs } from "./commands/certs.ts";
import { configVerbs } from "./commands/config.ts";
import { diskVerbs } from "./commands/disk.ts";
import { hostVerbs } from "./commands/host.ts";
import { logVerbs } from "./commands/logs.ts";
import { processVerbs } from "./commands/processes.ts";
import { releaseVerbs } from "./commands/releases.ts";
import { maintenanceVerbs } from "./commands/maintenance.ts";
import { policyVerbs } from "./commands/route-policies.ts";
import { routerVerb } from "./commands/router.ts";
import { routeVerbs } from "./commands/routes.ts";
import { runVerbs } from "./commands/run.ts";
import { serviceVerbs } from "./commands/services.ts";
import { sourceVerbs } from "./commands/sources.ts";
import { sessionVerbs } from "./commands/session.ts";
import { settingVerbs } from "./commands/settings.ts";
import { Context } from "./context.ts";
import { CliError, exitCode, usageError } from "./failure.ts";
import type { Io } from "./io.ts";
import { Input, type Verb, type VerbGroup } from "./verb.ts";

export const verbGroups: readonly VerbGroup[] = [
  appVerbs,
  processVerbs,
  configVerbs,
  releaseVerbs,
  buildVerbs,
  buildpackVerbs,
  sourceVerbs,
  logVerbs,
  runVerbs,
  { ...routeVerbs, verbs: [...routeVerbs.verbs, ...policyVerbs, ...maintenanceVerbs, routerVerb] },
  certVerbs,
  serviceVerbs,
  settingVerbs,
  accountVerbs,
  sessionVerbs,
  diskVerbs,
  hostVerbs,
];

/** Runs one command line and answers the exit code. Errors go to the standard error: one line, then a hint. */
export async function runCommandLine(argv: readonly string[], io: Io): Promise<number> {
  const context = new Context(io);
  let code: number | void = exitCode.ok;
  const program = createProgram(context, (result) => {
    code = result;
  });
  try {
    await program.parseAsync(normalise(argv, program), { from: "user" });
    return code ?? exitCode.ok;
  } catch (err) {
    return report(err, context);
  }
}

/** `help ps` is `ps --help`; a verb that does not exist is refused, whatever is asked about it. */
function normalise(argv: readonly string[], program: Command): string[] {
  if (argv[0] === "--version") return ["version"];
  const isHelp = argv[0] === "help" && argv.length > 1;
  const verb = isHelp ? argv[1] : argv[0];
  const isVerb = (name: string) => program.commands.some((one) => one.name() === name || one.aliases().includes(name));
  if (verb !== undefined && !verb.startsWith("-") && verb !== "help" && !isVerb(verb)) return [verb];
  return isHelp && verb !== undefined ? [verb, "--help"] : [...argv];
}

function report(err: unknown, context: Context): number {
  if (err instanceof CommanderError) {
    if (err.exitCode === 0) return exitCode.ok;
    return report(fromCommander(err), context);
  }
  if (!(err instanceof CliError)) throw err;
  if (!err.isTold) context.warn(`error: ${err.message}`, err.hint);
  return err.exitCode;
}

/** `error: unknown command 'pss'\n(Did you mean ps?)` in our two lines. Of a verb the hint is its first example. */
function fromCommander(err: CommanderError, verb?: Verb): CliError {
  if (err.code === "commander.help") return usageError("No verb is given.", "See all verbs with: paas help");
  const [message = "", more] = err.message.replace(/^error: /, "").split("\n");
  const suggestion = /^\(Did you mean (?:one of )?(.*)\?\)$/.exec(more ?? "")?.[1];
  const line = message.replace("unknown command", "There is no verb");
  const hint = suggestion === undefined ? howToUse(verb) : `Did you mean: ${suggestion}? "paas help" lists all verbs.`;
  return usageError(`${line.charAt(0).toUpperCase()}${line.slice(1)}.`.replace(/\.\.$/, "."), hint);
}

function howToUse(verb: Verb | undefined): string {
  const [example] = verb?.examples ?? [];
  if (verb === undefined || example === undefined) return "See all verbs with: paas help";
  return `Write it like: ${example} (more: paas ${verb.name} --help)`;
}

function createProgram(context: Context, onResult: (code: number | void) => void): Command {
  const { stdout } = context.io;
  const program = new Command("paas")
    .description("A self-hosted PaaS: git push to your own box")
    .usage("VERB [options]")
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: () => undefined })
    .configureHelp({
      subcommandTerm: (command) => command.name(),
      visibleOptions: (command) => (command.parent ? [...command.options] : []),
    })
    .showSuggestionAfterError()
    .helpCommand("help [verb]", "show all verbs, or how to use one");
  for (const { title, verbs } of verbGroups) {
    for (const verb of verbs) {
      const command = new Command(verb.name).copyInheritedSettings(program).helpGroup(`${title}:`);
      define(command, verb, context, onResult);
      program.addCommand(command, { hidden: verb.isHidden === true });
    }
  }
  return program;
}

function define(command: Command, verb: Verb, context: Context, onResult: (code: number | void) => void): void {
  command
    .summary(verb.summary)
    .description(verb.summary)
    .aliases([...(verb.aliases ?? [])])
    .exitOverride((err) => {
      throw err.exitCode === 0 ? err : fromCommander(err, verb);
    });
  for (const arg of verb.args ?? []) command.argument(arg);
  if (verb.hasApp) command.option("-a, --app <name>", "the app, else the git remote paas names it");
  for (const [flags, description] of verb.options ?? []) command.option(flags, description);
  if (verb.hasJson) command.option("--json", "as JSON");
  if (verb.isPassThrough) command.passThroughOptions();
  command.addHelpText("after", `\nExamples:\n${verb.examples.map((line) => `  $ ${line}`).join("\n")}`);
  command.action(async () => {
    if (verb.isLocal && context.isRemote) refuseRemote(verb);
    onResult(await verb.run(context, new Input(command.args, command.opts())));
  });
}

function refuseRemote(verb: Verb): never {
  throw new CliError(
    `"${verb.name}" does not work over ssh.`,
    "Use the paas command on your own machine for it.",
    exitCode.notAllowed,
  );
}
