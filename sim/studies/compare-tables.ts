import type { Table } from '../charts/report.ts'
import type { Comparison, Row } from '../compare/compare.ts'
import type { PhaseName } from '../compare/timeline.ts'
import { percentText, rounded, tenthsText } from './words.ts'

/** The whole run, then each phase by what matters, then how each architecture works. */
export function compareTables(found: Comparison): Table[] {
  return [
    wholeTable(found),
    phaseTable(found, {
      title: 'Accuracy in each phase',
      caption:
        'Share of what one ideal limiter would have admitted, key by key, that was admitted; too much counts against it like too little. After an outage or a split, debts are paid.',
      cell: ({ accuracy }) => tenthsText(accuracy),
    }),
    phaseTable(found, {
      title: 'Overshoot in each phase',
      caption: 'Tokens of the worst key. What was in excess when a phase began is forgiven.',
      cell: ({ overshoot }) => rounded(overshoot, 1),
    }),
    phaseTable(found, {
      title: 'Wrongly refused, or failed, in each phase',
      caption: 'Share of checks that were not allowed and for which there was room.',
      cell: ({ wronglyRefused }) => percentText(wronglyRefused),
    }),
    phaseTable(found, {
      title: 'Latency in each phase',
      caption: 'Milliseconds, 99th percentile.',
      cell: ({ p99Ms }) => rounded(p99Ms, 1),
    }),
    describedTable(found),
  ]
}

function wholeTable({ summaries }: Comparison): Table {
  return {
    title: 'The whole run',
    caption:
      'Admitted over ideal tells too much from too little. Failed are checks that got an error or no answer.',
    columns: [
      { label: 'architecture' },
      ...[
        'accuracy',
        'admitted / ideal',
        'overshoot',
        'wrongly refused',
        'failed',
        'p50, ms',
        'p99, ms',
        'messages a check',
      ].map((label) => ({ label, align: 'right' as const })),
    ],
    rows: summaries.map((one) => [
      one.architecture,
      tenthsText(one.accuracy),
      one.admittedOverIdeal.toFixed(3),
      rounded(one.overshoot, 1),
      percentText(one.wronglyRefused),
      percentText(one.failed),
      one.p50Ms.toFixed(1),
      one.p99Ms.toFixed(1),
      one.messagesPerCheck.toFixed(2),
    ]),
  }
}

function phaseTable(
  { phases, summaries, rows }: Comparison,
  {
    cell,
    ...table
  }: {
    readonly title: string
    readonly caption: string
    readonly cell: (row: Row) => string | number
  },
): Table {
  const at = (architecture: string, phase: PhaseName): string | number => {
    const row = rows.find((one) => one.architecture === architecture && one.phase === phase)
    return row === undefined ? '' : cell(row)
  }
  return {
    ...table,
    columns: [
      { label: 'architecture' },
      ...phases.map(({ name }) => ({ label: name, align: 'right' as const })),
    ],
    rows: summaries.map(({ architecture }) => [
      architecture,
      ...phases.map(({ name }) => at(architecture, name)),
    ]),
  }
}

function describedTable({ summaries }: Comparison): Table {
  return {
    title: 'How each works',
    caption:
      'The others are models, each without the faults of its products. Weir is the code that ships.',
    columns: [
      { label: 'architecture' },
      { label: 'how it works' },
      { label: 'when servers cannot reach each other' },
    ],
    rows: summaries.map(({ architecture, describe, inSplit }) => [architecture, describe, inSplit]),
  }
}
