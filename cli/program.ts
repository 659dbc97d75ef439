import { Command, CommanderError } from "commander";
import { accountVerbs } from "./commands/accounts.ts";
import { appVerbs } from "./commands/apps.ts";
import { buildVerbs } from "./commands/builds.ts";
import { configVerbs } from "./commands/config.ts";
import { hostVerbs } from "./commands/host.ts";
import { logVerbs } from "./commands/logs.ts";
import { processVerbs } from "./commands/processes.ts";
import { releaseVerbs } from "./commands/releases.ts";
import { routeVerbs } from "./commands/routes.ts";
import { runVerbs } from "./commands/run.ts";
import { serviceVerbs } from "./commands/services.ts";
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
  logVerbs,
  runVerbs,
  routeVerbs,
  serviceVerbs,
  settingVerbs,
  accountVerbs,
  sessionVerbs,
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
    await program.parseAsync(argv[0] === "--version" ? ["version"] : [...argv], { from: "user" });
    return code ?? exitCode.ok;
  } catch (err) {
    return report(err, context);
  }
}

function report(err: unknown, context: Context): number {
  if (err instanceof CommanderError) {
    if (err.exitCode === 0) return exitCode.ok;
    return report(fromCommander(err), context);
  }
  if (!(err instanceof CliError)) throw err;
  context.warn(`error: ${err.message}`, err.hint);
  return err.exitCode;
}

/** `error: unknown command 'pss'\n(Did you mean ps?)` in our two lines. */
function fromCommander(err: CommanderError): CliError {
  if (err.code === "commander.help") return usageError("No verb is given.", "See all verbs with: paas help");
  const [message = "", more] = err.message.replace(/^error: /, "").split("\n");
  const suggestion = /^\(Did you mean (?:one of )?(.*)\?\)$/.exec(more ?? "")?.[1];
  const line = message.replace("unknown command", "There is no verb");
  const hint =
    suggestion === undefined
      ? 'Add --help to a verb to see how it is used; "paas help" lists all.'
      : `Did you mean: ${suggestion}? "paas help" lists all verbs.`;
  return usageError(`${line.charAt(0).toUpperCase()}${line.slice(1)}.`.replace(/\.\.$/, "."), hint);
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
      const command = toCommand(verb, context, onResult).helpGroup(`${title}:`).copyInheritedSettings(program);
      program.addCommand(command, { hidden: verb.isHidden === true });
    }
  }
  return program;
}

function toCommand(verb: Verb, context: Context, onResult: (code: number | void) => void): Command {
  const command = new Command(verb.name)
    .summary(verb.summary)
    .description(verb.summary)
    .aliases([...(verb.aliases ?? [])]);
  for (const arg of verb.args ?? []) command.argument(arg);
  if (verb.hasApp) command.option("-a, --app <name>", "the app, else the git remote paas names it");
  for (const [flags, description] of verb.options ?? []) command.option(flags, description);
  if (verb.hasJson) command.option("--json", "as JSON");
  if (verb.isPassThrough) command.passThroughOptions();
  command.addHelpText("after", `\nExamples:\n${verb.examples.map((line) => `  $ ${line}`).join("\n")}`);
  return command.action(async () => {
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
