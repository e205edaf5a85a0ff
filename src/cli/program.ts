import { createRequire } from 'node:module'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { flagOf, OPTION_NAMES, OPTIONS } from '../options.ts'
import { addCluster, addDoctor } from './cluster-commands.ts'
import { type End, outputOption } from './command-options.ts'
import { CommandError, type ExitCode } from './exit-code.ts'
import type { OutputFormat } from './output.ts'
import type { Terminal } from './terminal.ts'

/**
 * The command line. Each command's own module is loaded only when it runs: whoever asks a node a question
 * waits for no network library, and only `serve` ever loads one.
 */
export async function run(words: readonly string[], terminal: Terminal): Promise<ExitCode> {
  let exit: ExitCode = 'ok'
  const program = buildProgram(terminal, async (command) => {
    exit = await command
  })
  try {
    await program.parseAsync(words, { from: 'user' })
    return exit
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 'ok' : 'usage'
    if (error instanceof CommandError) {
      terminal.complain(`weir: ${error.message}`)
      return error.exit
    }
    terminal.complain(`weir: ${error instanceof Error ? (error.stack ?? error.message) : error}`)
    return 'failure'
  }
}

function buildProgram(terminal: Terminal, end: End): Command {
  const program = new Command('weir')
  program
    .description('A peer-to-peer rate limiter: a cluster of equal nodes, and no central store.')
    .version(version())
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.print(text.trimEnd()),
      writeErr: (text) => terminal.complain(text.trimEnd()),
    })
    .showHelpAfterError('(--help shows how)')
  for (const add of [
    addServe,
    addDev,
    addCheck,
    addExplain,
    addCluster,
    addDoctor,
    addRules,
    addKeygen,
    addSim,
  ]) {
    add(program, terminal, end)
  }
  return program
}

function addServe(program: Command, terminal: Terminal, end: End): void {
  const serve = program
    .command('serve')
    .description('run one node')
    .option('--config <file>', 'YAML file of these options (WEIR_CONFIG)')
    .option('--json', 'print where the node listens as one line of JSON')
  for (const name of OPTION_NAMES) {
    const { placeholder, summary, fallback, fallbackInWords } = OPTIONS[name]
    const shown = `${summary} (default: ${fallbackInWords ?? fallback})`
    serve.addOption(new Option(`${flagOf(name)} <${placeholder}>`, shown))
  }
  serve.action(async ({ json = false, ...flags }: { json?: boolean }) => {
    const { serve } = await import('./serve.ts')
    await end(serve({ json, flags }, terminal))
  })
}

interface DevFlags {
  readonly nodes: number
  readonly json?: boolean
  readonly rules?: string
  readonly port?: number
}

function addDev(program: Command, terminal: Terminal, end: End): void {
  program
    .command('dev')
    .description('run a cluster of real processes on this machine, to try Weir')
    .option('--nodes <count>', 'how many', wholeNumber(1, 16), 3)
    .option('--rules <file>', 'the rules file (default: rules for demonstration)')
    .option(
      '--port <port>',
      'the first node answers checks here, the next one port above, and so on (default: free ports)',
      wholeNumber(1, 65_535),
    )
    .option('--json', 'print the nodes and the rules as one line of JSON')
    .action(async ({ nodes, rules, port, json = false }: DevFlags) => {
      const { dev } = await import('./dev.ts')
      await end(dev({ nodes, rules, port, json }, terminal))
    })
}

interface CheckFlags {
  readonly url: string
  readonly rule: string
  readonly key: string
  readonly cost: number
  readonly output: OutputFormat
}

function addCheck(program: Command, terminal: Terminal, end: End): void {
  program
    .command('check')
    .description('ask a node whether a key is within its limit, and take tokens if it is')
    .option('--url <address>', 'the node: http://host:port or unix:/path', 'http://127.0.0.1:8080')
    .requiredOption('--rule <name>', 'the rule')
    .requiredOption('--key <key>', 'who is limited')
    .option('--cost <tokens>', 'tokens to take; 0 only asks', wholeNumber(0, 2 ** 32 - 1), 1)
    .addOption(outputOption())
    .action(async ({ url, rule, key, cost, output }: CheckFlags) => {
      const { check } = await import('./check.ts')
      await end(check({ url, rule, key, cost, output }, terminal))
    })
}

interface ExplainFlags {
  readonly url: string
  readonly rule?: string
  readonly key?: string
  readonly descriptor: ReadonlyMap<string, string>
  readonly header: ReadonlyMap<string, string>
  readonly method?: string
  readonly path?: string
  readonly host?: string
  readonly ip?: string
  readonly output: OutputFormat
}

function addExplain(program: Command, terminal: Terminal, end: End): void {
  const none: ReadonlyMap<string, string> = new Map()
  program
    .command('explain')
    .description('tell what the rules say about a key or a request, and on what counts')
    .option('--url <address>', 'the node: http://host:port or unix:/path', 'http://127.0.0.1:8080')
    .option('--rule <name>', 'the rule; without it, the rules that the request falls under')
    .option('--key <key>', 'who is limited')
    .option('--method <method>', 'the method of a request')
    .option('--path <path>', 'its path')
    .option('--host <host>', 'its host')
    .option('--ip <address>', "its client's address")
    .option('--header <name=value>', 'one of its header fields; may be repeated', pair, none)
    .option('--descriptor <name=value>', 'what else is known; may be repeated', pair, none)
    .addOption(outputOption())
    .action(async ({ descriptor, header, ...flags }: ExplainFlags) => {
      const { explain } = await import('./explain.ts')
      await end(explain({ ...flags, descriptors: descriptor, headers: header }, terminal))
    })
}

/** `name=value`, added to those before it. */
function pair(text: string, pairs: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? []
  if (name === undefined || value === undefined) {
    throw new InvalidArgumentError('It must be name=value.')
  }
  return new Map([...pairs, [name, value]])
}

function addRules(program: Command, terminal: Terminal, end: End): void {
  const rules = program.command('rules').description('work on rules files')
  rules
    .command('check')
    .description('tell everything that is wrong with a rules file')
    .argument('<file>')
    .action(async (file: string) => {
      const { checkRules } = await import('./rules.ts')
      await end(checkRules(file, terminal))
    })
  rules
    .command('diff')
    .description('tell what becomes different when one rules file takes the place of another')
    .argument('<before>')
    .argument('<after>')
    .action(async (before: string, after: string) => {
      const { diffRules } = await import('./rules.ts')
      await end(diffRules(before, after, terminal))
    })
  rules
    .command('test')
    .description('try rules on a list of requests at virtual times, each with what is expected')
    .argument('<file>', 'the rules')
    .argument('<requests>', 'the requests, in YAML')
    .action(async (file: string, requests: string) => {
      const { testRules } = await import('./rules-test.ts')
      await end(testRules(file, requests, terminal))
    })
  rules
    .command('replay')
    .description('tell which requests of an access log a rules file would have denied')
    .argument('<file>', 'the rules')
    .argument('<log>', 'in the combined format of Apache and nginx')
    .action(async (file: string, log: string) => {
      const { replayLog } = await import('./rules-replay.ts')
      await end(replayLog(file, log, terminal))
    })
  rules
    .command('schema')
    .description('print the JSON Schema of rules files, for editors')
    .action(async () => {
      const { printSchema } = await import('./rules.ts')
      await end(printSchema(terminal))
    })
}

function addKeygen(program: Command, terminal: Terminal, end: End): void {
  program
    .command('keygen')
    .description('make the key that all nodes of a cluster share')
    .option('--out <file>', 'write it to a new file that only its owner can read')
    .action(async ({ out }: { out?: string }) => {
      const { keygen } = await import('./keygen.ts')
      await end(keygen(out, terminal))
    })
}

/** The simulator reads its own words, `--help` included. */
function addSim(program: Command, terminal: Terminal, end: End): void {
  program
    .command('sim')
    .description('run clusters in virtual time, and measure what faults cost')
    .argument('[words...]')
    .usage('<study | scenario | all | swarm | run FILE | list> [options]')
    .allowUnknownOption()
    .helpOption(false)
    .action(async (words: readonly string[]) => {
      const { sim } = await import('./sim.ts')
      await end(sim(words, terminal))
    })
}

function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const number = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
    if (number >= min && number <= max) return number
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`)
  }
}

function version(): string {
  const manifest: unknown = createRequire(import.meta.url)('weir/package.json')
  return (manifest as { version: string }).version
}
