import { availableParallelism } from 'node:os'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { CommandError, type ExitCode } from '../../src/cli/exit-code.ts'
import type { Terminal } from '../../src/cli/terminal.ts'
import type { OnPartition } from '../../src/limiter/policy.ts'
import { suggestion } from '../../src/suggestion.ts'
import { SCENARIOS } from '../scenarios/all.ts'
import type { Setting } from '../scenarios/scenario.ts'
import { STUDIES } from '../studies/all.ts'
import type { Context } from './context.ts'
import { readExperiment } from './experiment-file.ts'
import { listLines } from './list.ts'
import { runExperiment, scenarioExperiment, showState, swarmExperiment } from './one-experiment.ts'
import { runScenarios } from './scenarios.ts'
import { processScreen, type Screen } from './screen.ts'
import { runStudy } from './study.ts'
import { runSwarm } from './swarm.ts'

/** How the simulator is called, and where it shows progress. */
export interface Calling {
  readonly caller: string
  readonly screen: Screen
}

/** The simulator's command line. Returns the exit code's name. */
export async function simulate(
  words: readonly string[],
  terminal: Terminal,
  { caller, screen }: Calling = { caller: 'weir sim', screen: processScreen() },
): Promise<ExitCode> {
  let exit: ExitCode = 'ok'
  const end = async (command: ExitCode | Promise<ExitCode>) => {
    exit = await command
  }
  try {
    const given = spelledOut(words)
    const program = buildProgram(
      caller,
      terminal,
      (threads) => ({
        terminal,
        screen,
        caller,
        words,
        threads,
      }),
      end,
    )
    await program.parseAsync(given, { from: 'user' })
    return exit
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 'ok' : 'usage'
    if (!(error instanceof CommandError)) throw error
    terminal.complain(`${caller}: ${error.message}`)
    return error.exit
  }
}

const COMMANDS = ['all', 'swarm', 'run', 'list', 'help'] as const
const SCENARIO = 'scenario'

/** A scenario's name stands for the command that runs one. */
function spelledOut(words: readonly string[]): readonly string[] {
  const [first] = words
  if (first === undefined) return ['--help']
  if (SCENARIOS.some(({ name }) => name === first)) return [SCENARIO, ...words]
  const known = [...COMMANDS, ...STUDIES.map(({ name }) => name)]
  if (first.startsWith('-') || known.some((name) => name === first)) return words
  const names = [...known, ...SCENARIOS.map(({ name }) => name)]
  const hint = suggestion(first, names)
  const near = hint.startsWith('(known') ? '("list" names all)' : hint
  throw new CommandError(`there is no study, scenario or command "${first}" ${near}`, {
    exit: 'usage',
  })
}

type End = (command: ExitCode | Promise<ExitCode>) => Promise<void>
type InContext = (threads: number) => Context

interface Flags {
  readonly nodes?: number
  readonly seed: number
  readonly seeds?: number
  readonly policy?: OnPartition
  readonly json?: boolean
  readonly report?: string
  readonly until?: number
  readonly threads: number
}

function buildProgram(caller: string, terminal: Terminal, context: InContext, end: End): Command {
  const program = new Command(caller)
  program
    .description('Runs whole clusters in virtual time, and measures what faults cost.')
    .usage('<study | scenario | all | swarm | run FILE | list> [options]')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.print(text.trimEnd()),
      writeErr: (text) => terminal.complain(text.trimEnd()),
    })
    .showHelpAfterError('(--help shows how)')
    .helpCommand(false)
  addScenario(program, context, end)
  addAll(program, context, end)
  addSwarm(program, context, end)
  addRun(program, context, end)
  addStudies(program, context, end)
  program
    .command('list')
    .description('name all scenarios and studies')
    .action(() => {
      for (const line of listLines(terminal)) terminal.print(line)
    })
  return program
}

function addScenario(program: Command, context: InContext, end: End): void {
  const command = program
    .command(SCENARIO)
    .usage('[options], with the name of a scenario instead of "scenario"')
    .argument('<name>')
    .description('run one scenario, before all oracles')
  withCommon(command)
    .option('--seeds <count>', 'so many seeds, one after the other', whole(1, 1_000_000), 1)
    .addOption(policyOption())
    .addOption(untilOption())
    .addOption(writeOption())
    .addOption(reportOption())
    .addOption(threadsOption())
    .action(async (name: string, flags: TableFlags) => {
      const { seed, seeds = 1, json = false, report, threads, until, write } = flags
      const setting = settingOf(flags)
      if (until !== undefined) {
        const experiment = scenarioExperiment(name, seed, setting)
        return end(showState(experiment, until, context(threads)))
      }
      const wish = { name, seed, seeds, setting, json, report, write }
      return end(runScenarios(wish, context(threads)))
    })
}

function addAll(program: Command, context: InContext, end: End): void {
  withCommon(program.command('all').description('run every scenario, each in its own setting'))
    .option(
      '--seeds <count>',
      'so many seeds of each; of clusters above 20 nodes a twentieth',
      whole(1, 1_000_000),
      1,
    )
    .addOption(writeOption())
    .addOption(reportOption())
    .addOption(threadsOption())
    .action(({ seed, seeds = 1, json = false, report, threads, write, ...flags }: TableFlags) => {
      const setting = settingOf(flags)
      const wish = { name: undefined, seed, seeds, setting, json, report, write }
      return end(runScenarios(wish, context(threads)))
    })
}

interface TableFlags extends Flags {
  readonly write?: string
}

interface SwarmFlags extends Flags {
  readonly minutes?: number
  readonly save?: string
}

function addSwarm(program: Command, context: InContext, end: End): void {
  withCommon(
    program
      .command('swarm')
      .description('draw experiments at random and run them before all oracles'),
  )
    .option('--seeds <count>', 'how many', whole(1, 10_000_000), 100)
    .addOption(
      new Option('--minutes <count>', 'for so long, however many that are')
        .argParser(whole(1, 100_000))
        .conflicts('seeds'),
    )
    .option('--save <folder>', 'keep experiments that fail there, made as small as they can be')
    .addOption(untilOption())
    .addOption(threadsOption())
    .action((flags: SwarmFlags) => {
      const { seed, seeds = 100, minutes, nodes, json = false, save, threads, until } = flags
      if (until !== undefined) {
        return end(showState(swarmExperiment(seed, nodes), until, context(threads)))
      }
      return end(runSwarm({ seed, seeds, minutes, nodes, json, save }, context(threads)))
    })
}

function addRun(program: Command, context: InContext, end: End): void {
  program
    .command('run')
    .argument('<file>', 'an experiment that was saved')
    .description('repeat an experiment')
    .option('--json', 'print the verdict as one line of JSON')
    .addOption(untilOption())
    .action((file: string, { json = false, until }: Pick<Flags, 'json' | 'until'>) => {
      const experiment = readExperiment(file)
      const here = context(1)
      if (until !== undefined) return end(showState(experiment, until, here))
      const repeat = `${here.caller} run ${file}`
      return end(runExperiment(experiment, { json, repeat }, here))
    })
}

function addStudies(program: Command, context: InContext, end: End): void {
  for (const study of STUDIES) {
    const command = withCommon(program.command(study.name).description(study.summary))
    if (study.takes.includes('seeds')) command.addOption(studySeedsOption())
    if (study.takes.includes('onPartition')) command.addOption(policyOption())
    command
      .addOption(reportOption())
      .action(({ seed, seeds, nodes, policy, json = false, report }: Flags) =>
        end(runStudy(study, { seed, seeds, nodes, policy, json, report }, context(1))),
      )
  }
}

function withCommon(command: Command): Command {
  return command
    .option(
      '--nodes <count>',
      'nodes of the cluster (default: what it is usually told of)',
      whole(1, 1_000),
    )
    .option('--seed <number>', 'the first seed', whole(0, 2 ** 31), 1)
    .option('--json', 'print one line of JSON')
}

function threadsOption(): Option {
  return new Option('--threads <count>', 'runs at a time')
    .argParser(whole(1, 256))
    .default(availableParallelism())
}

function studySeedsOption(): Option {
  return new Option('--seeds <count>', 'so many seeds (default: as many as it takes)').argParser(
    whole(1, 1_000_000),
  )
}

function policyOption(): Option {
  const policies: readonly OnPartition[] = ['majority', 'share', 'open', 'closed']
  return new Option('--policy <policy>', 'what the sides of a split may admit').choices(policies)
}

function writeOption(): Option {
  return new Option(
    '--write <file>',
    'put the lines of the table into this Markdown file, between its marks',
  )
}

function reportOption(): Option {
  return new Option('--report <folder>', 'write pictures and a page there')
}

function untilOption(): Option {
  return new Option(
    '--until <ms>',
    'stop at this virtual time and show what every node knows',
  ).argParser(whole(0, 100_000_000))
}

function settingOf({ nodes, policy }: Pick<Flags, 'nodes' | 'policy'>): Partial<Setting> {
  return {
    ...(nodes === undefined ? {} : { nodes }),
    ...(policy === undefined ? {} : { onPartition: policy }),
  }
}

function whole(min: number, max: number): (text: string) => number {
  return (text) => {
    const number = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
    if (number >= min && number <= max) return number
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`)
  }
}
