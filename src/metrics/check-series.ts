import { Counter, type Registry } from 'prom-client'
import type { AdjustmentWord, CheckTallies, Denial } from './check-tallies.ts'
import { wordsOf } from './series.ts'

const ADJUSTMENT_WORDS = wordsOf<AdjustmentWord>({
  refund: true,
  penalty: true,
  reserve: true,
  settle: true,
  reset: true,
})
const DENIALS = wordsOf<Denial>({
  over_limit: true,
  partition_share: true,
  partition_closed: true,
  overloaded: true,
  key_missing: true,
})

/** Label of checks whose rule does not exist, and of requests under no rule; no rule can be called this. */
const NO_RULE = ''

/** Puts what is tallied into series when they are read. */
export function registerChecks(tallies: CheckTallies, registers: Registry[]): void {
  const { rules } = tallies
  new Counter({
    name: 'rate_limiter_checks_total',
    help: 'Checks.',
    labelNames: ['result', 'strategy', 'rule'],
    registers,
    collect() {
      this.reset()
      for (const [rule, { strategies, rejected }] of rules) {
        for (const [strategy, { allowed, denied, shadowed }] of strategies) {
          this.inc({ result: 'allowed', strategy, rule }, allowed)
          this.inc({ result: 'denied', strategy, rule }, sum(DENIALS, denied))
          this.inc({ result: 'shadow', strategy, rule }, shadowed)
        }
        this.inc({ result: 'rejected', strategy: 'none', rule }, rejected)
      }
      const withoutRule = { strategy: 'none', rule: NO_RULE }
      this.inc({ result: 'allowed', ...withoutRule }, tallies.noRule)
      this.inc({ result: 'rejected', ...withoutRule }, tallies.unknownRule)
    },
  })
  new Counter({
    name: 'rate_limiter_denials_total',
    help: 'Refused checks.',
    labelNames: ['reason', 'rule'],
    registers,
    collect() {
      this.reset()
      for (const [rule, { strategies }] of rules) {
        for (const { denied } of strategies.values()) {
          for (const reason of DENIALS) this.inc({ reason, rule }, denied[reason])
        }
      }
    },
  })
  new Counter({
    name: 'rate_limiter_adjustments_total',
    help: 'What was done to keys beside checks.',
    labelNames: ['action', 'rule'],
    registers,
    collect() {
      this.reset()
      for (const [rule, { adjusted }] of rules) {
        for (const action of ADJUSTMENT_WORDS) this.inc({ action, rule }, adjusted[action])
      }
    },
  })
}

function sum<Word extends string>(words: readonly Word[], counts: Record<Word, number>): number {
  return words.reduce((total, word) => total + counts[word], 0)
}
