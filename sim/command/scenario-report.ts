import { barsWithBound } from '../charts/bars-with-bound.ts'
import type { Report } from '../charts/report.ts'
import { SCENARIOS } from '../scenarios/all.ts'
import { countText } from './number-text.ts'
import { isGood, type Told, worstOf } from './verdict.ts'

/** The table of bounds as a report: each scenario's worst run, beside what it may cost. */
export function scenarioReport(told: readonly Told[], command: string): Report {
  const rows = told.flatMap((one) => one.rows)
  const bad = rows.filter((row) => !isGood(row)).length
  const seeds = told[0]?.rows.length ?? 0
  const bars = told.map(({ rows: runs }) => {
    const { scenario: name, overshoot: measured, bound } = worstOf(runs)
    return { name, measured, bound }
  })
  const runs = `${told.length} ${told.length === 1 ? 'scenario' : 'scenarios'} with ${seeds} ${seeds === 1 ? 'seed' : 'seeds'} each`
  return {
    title: 'Measured overshoot and its bounds',
    lead: `${runs}, in virtual time, before all oracles. The overshoot is how many tokens more than one exact bucket allows were admitted in the whole cluster; each scenario has a bound that it must keep. ${bad === 0 ? 'Every run did, and violated no invariant.' : `${bad} of ${rows.length} runs did not, or violated an invariant.`}`,
    command,
    facts: [
      { label: 'runs', value: countText(rows.length) },
      { label: 'events', value: countText(rows.reduce((sum, row) => sum + row.events, 0)) },
      { label: 'runs that kept everything', value: countText(rows.length - bad) },
    ],
    figures: [
      {
        id: 'bounds',
        title: 'Worst overshoot of each scenario, and its bound',
        caption:
          'The bar is the worst of all seeds, the mark is the bound. A bar must end before its mark.',
        spec: barsWithBound({ bars, valueTitle: 'overshoot, tokens', scale: 'log' }),
      },
    ],
    tables: [
      {
        title: 'Scenarios',
        columns: [
          { label: 'scenario' },
          { label: 'what happens' },
          { label: 'bound' },
          { label: 'tokens', align: 'right' },
          { label: 'worst', align: 'right' },
          { label: 'of seed', align: 'right' },
          { label: 'verdict' },
        ],
        rows: told.map((one) => {
          const { scenario, bound, overshoot, seed } = worstOf(one.rows)
          const story = SCENARIOS.find(({ name }) => name === scenario)?.story ?? ''
          const verdict = one.rows.every(isGood) ? 'within' : 'violated'
          return [scenario, story, one.formula, round(bound), round(overshoot), seed, verdict]
        }),
      },
    ],
  }
}

function round(tokens: number): number {
  return Math.round(tokens * 10) / 10
}
