import { createRequire } from 'node:module'
import { Command, CommanderError, Option } from 'commander'
import { flagOf, OPTION_NAMES, OPTIONS } from '../options.ts'
import { addCluster, addDoctor } from './cluster-commands.ts'
import { type End, wholeNumber } from './command-options.ts'
import { CommandError, type ExitCode } from './exit-code.ts'
import { addQuestions } from './question-commands.ts'
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
    addQuestions,
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

function version(): string {
  const manifest: unknown = createRequire(import.meta.url)('weir/package.json')
  return (manifest as { version: string }).version
}
