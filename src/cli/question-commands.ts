import type { Command } from 'commander'
import type { CheckQuestion } from './check.ts'
import {
  type AddCommands,
  addAdminOptions,
  addUrlOptions,
  costOption,
  descriptorOption,
  type End,
  outputOption,
  pairsOption,
} from './command-options.ts'
import type { ExplainQuestion } from './explain.ts'
import type { GateQuestion } from './gate.ts'
import type { PeekQuestion } from './peek.ts'
import type { ResetQuestion } from './reset.ts'
import type { Terminal } from './terminal.ts'

/** The commands that put a question to a node. */
export const addQuestions: AddCommands = (program, terminal, end) => {
  for (const add of [addCheck, addGate, addPeek, addExplain, addReset]) {
    add(program, terminal, end)
  }
}

function addCheck(program: Command, terminal: Terminal, end: End): void {
  addUrlOptions(
    aboutKey(
      program,
      'check',
      'ask a node whether a key is within its limit, and take tokens if it is',
    ),
  )
    .addOption(costOption())
    .addOption(descriptorOption())
    .action(async (question: CheckQuestion) => {
      const { check } = await import('./check.ts')
      await end(check(question, terminal))
    })
}

function addGate(program: Command, terminal: Terminal, end: End): void {
  addUrlOptions(
    aboutKey(
      program,
      'gate',
      'ask as a proxy does: a status, and the header fields for the client',
    ),
  )
    .addOption(costOption())
    .action(async (question: GateQuestion) => {
      const { gate } = await import('./gate.ts')
      await end(gate(question, terminal))
    })
}

function addPeek(program: Command, terminal: Terminal, end: End): void {
  addUrlOptions(aboutKey(program, 'peek', 'tell how much a key has left, and take nothing'))
    .addOption(descriptorOption())
    .action(async (question: PeekQuestion) => {
      const { peek } = await import('./peek.ts')
      await end(peek(question, terminal))
    })
}

function addReset(program: Command, terminal: Terminal, end: End): void {
  addAdminOptions(
    aboutKey(
      program,
      'reset',
      'begin a key anew: give back all its tokens, and end what blocks it',
    ),
  )
    .addOption(descriptorOption())
    .action(async (question: ResetQuestion) => {
      const { reset } = await import('./reset.ts')
      await end(reset(question, terminal))
    })
}

/** A command that names a rule and a key. */
function aboutKey(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .requiredOption('--rule <name>', 'the rule')
    .requiredOption('--key <key>', 'who is limited')
    .addOption(outputOption())
}

function addExplain(program: Command, terminal: Terminal, end: End): void {
  addUrlOptions(program.command('explain'))
    .description('tell what the rules say about a key or a request, and on what counts')
    .option('--rule <name>', 'the rule; without it, the rules that the request falls under')
    .option('--key <key>', 'who is limited')
    .option('--method <method>', 'the method of a request')
    .option('--path <path>', 'its path')
    .option('--host <host>', 'its host')
    .option('--ip <address>', "its client's address")
    .addOption(pairsOption('--header <name=value>', 'one of its header fields'))
    .addOption(pairsOption('--descriptor <name=value>', 'what else is known'))
    .addOption(outputOption())
    .action(async (question: ExplainQuestion) => {
      const { explain } = await import('./explain.ts')
      await end(explain(question, terminal))
    })
}
