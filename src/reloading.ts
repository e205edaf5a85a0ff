import type { Logger } from 'pino'
import type { Clock } from './clock.ts'
import type { Metrics } from './metrics/metrics.ts'
import type { Mode } from './rules/definition.ts'
import { differences } from './rules/difference.ts'
import { loadRules, parseRules, type Reviewer, rulesFrom } from './rules/load.ts'
import type { RuleBook } from './rules/rule-book.ts'
import type { Runtime } from './runtime.ts'

/** A rules file's path or text, or the rules themselves: a list, or an object as in a rules file. */
export type RulesSource = string | object

/** `shadow`: no rule denies. `off`: none counts. */
export type WholeMode = Exclude<Mode, 'enforce'>

/** What has come of reading the rules again. */
export interface Reloaded {
  /** Equal for rules that say the same. */
  readonly version: string
  /** What is different now, in a line each; see `weir rules diff`. Empty: they say what they said before. */
  readonly differences: readonly string[]
}

/** How rules are read. */
export interface Reading {
  readonly clock: Clock
  /** Where warnings go: of what is valid and has no effect. */
  readonly log: Logger
  readonly mode: WholeMode | undefined
}

/** @throws RulesError */
export async function bookOf(rules: RulesSource, { clock, log, mode }: Reading): Promise<RuleBook> {
  const book = await ruleBookOf(rules, {
    nowMs: clock.nowMs(),
    onWarning: ({ place, code, message }) => {
      log.warn({ event: 'rules_warning', place, code }, message)
    },
  })
  return mode === undefined ? book : book.inMode(mode)
}

export interface ReloadingDependencies {
  readonly runtime: Runtime
  readonly metrics: Metrics
}

/** Reads rules again, one reading after another: what was asked last is what counts. */
export class Reloading {
  readonly #runtime: Runtime
  readonly #metrics: Metrics
  readonly #reading: Reading
  #rules: RulesSource
  #last: Promise<unknown> = Promise.resolve()

  constructor({ runtime, metrics }: ReloadingDependencies, rules: RulesSource, reading: Reading) {
    this.#runtime = runtime
    this.#metrics = metrics
    this.#rules = rules
    this.#reading = reading
  }

  /** By default from where they came last. */
  reload(rules?: RulesSource): Promise<Reloaded> {
    const reloaded = this.#last.then(() => this.#read(rules ?? this.#rules))
    this.#last = reloaded.catch(() => undefined)
    return reloaded
  }

  async #read(rules: RulesSource): Promise<Reloaded> {
    try {
      const book = await bookOf(rules, this.#reading)
      const told = differences(this.#runtime.book.definition, book.definition)
      const isChanged = book.version !== this.#runtime.book.version
      if (isChanged) this.#runtime.useRules(book)
      this.#runtime.rulesRead(null)
      this.#rules = rules
      this.#metrics.reloaded(isChanged ? 'changed' : 'unchanged')
      return { version: book.version, differences: told }
    } catch (error) {
      this.#metrics.reloaded('refused')
      this.#runtime.rulesRead(error instanceof Error ? error.message : String(error))
      throw error
    }
  }
}

/** No path has a line break in it, and no rules do without. */
async function ruleBookOf(rules: RulesSource, reviewer: Reviewer): Promise<RuleBook> {
  if (typeof rules !== 'string') return rulesFrom(rules, reviewer)
  return rules.includes('\n') ? parseRules(rules, 'rules', reviewer) : loadRules(rules, reviewer)
}
