import { type Dashboard, graphs, type Panel, type Place, type Target } from './dashboard.ts'
import { unless } from './mistake.ts'
import { type Matcher, readQuery, type Selector } from './promql.ts'
import type { Series } from './registered-metrics.ts'

export interface DashboardWorld {
  readonly series: ReadonlyMap<string, Series>
  /** Labels that the scrape adds to every series. */
  readonly scrapeLabels: readonly string[]
  readonly dataSource: string
}

const FUNCTIONS = [
  'rate',
  'increase',
  'sum',
  'count',
  'min',
  'max',
  'abs',
  'time',
  'histogram_quantile',
]
const UNITS = /^(none|short|s|Bps|percentunit|suffix:[a-z]+\/s)$/
const COLUMNS = 24
/** Made by Prometheus itself for every target. */
const SCRAPED: Series = {
  metric: 'up',
  type: 'gauge',
  labels: new Map([['job', new Set(['weir'])]]),
}

/** What a dashboard shows that no node has, or shows in a way that nobody can read. */
export function dashboardMistakes(dashboard: Dashboard, world: DashboardWorld): string[] {
  const panels = graphs(dashboard)
  const all = { ...world, series: new Map([...world.series, ['up', SCRAPED]]) }
  const ids = dashboard.panels.map(({ id }) => id)
  return [
    ...panels.flatMap((panel) =>
      [
        ...panelMistakes(panel, world),
        ...panel.targets.flatMap((it) => targetMistakes(it, all)),
      ].map((mistake) => `${panel.title}: ${mistake}`),
    ),
    ...placeMistakes(dashboard),
    ...unless(new Set(ids).size === ids.length, 'two panels have the same id'),
  ]
}

/** Metrics that no panel shows. */
export function unshownMetrics(dashboard: Dashboard, { series }: DashboardWorld): string[] {
  const queries = graphs(dashboard).flatMap(({ targets }) =>
    targets.map(({ expr }) => readQuery(expr)),
  )
  const shown = queries
    .flatMap(({ selectors }) => selectors)
    .map(({ metric }) => series.get(metric)?.metric)
  const all = new Set([...series.values()].map(({ metric }) => metric))
  return [...all].filter((metric) => !shown.includes(metric))
}

function panelMistakes(panel: Panel, { dataSource }: DashboardWorld): string[] {
  const { unit } = panel.fieldConfig.defaults
  const sources = [panel.datasource, ...panel.targets.map(({ datasource }) => datasource)]
  const refs = panel.targets.map(({ refId }) => refId)
  return [
    ...unless(UNITS.test(unit), `the unit "${unit}" is not one that is used here`),
    ...unless(
      sources.every(({ uid }) => uid === dataSource),
      'it asks a data source that is not provisioned',
    ),
    ...unless(new Set(refs).size === refs.length, 'two queries have the same letter'),
  ]
}

function targetMistakes({ expr, legendFormat }: Target, world: DashboardWorld): string[] {
  const { selectors, functions, groupLabels } = readQuery(expr)
  const known = new Set(world.scrapeLabels)
  for (const { metric } of selectors) {
    for (const label of world.series.get(metric)?.labels.keys() ?? []) known.add(label)
  }
  const legend = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label)
  const quantile = functions.includes('histogram_quantile')
  return [
    ...unless(selectors.length > 0, 'it shows no metric'),
    ...selectors.flatMap((selector) => selectorMistakes(selector, world)),
    ...functions.flatMap((name) =>
      unless(FUNCTIONS.includes(name), `the function ${name} is unknown`),
    ),
    ...groupLabels.flatMap((label) =>
      unless(known.has(label), `it groups by ${label}, which is no label`),
    ),
    ...legend.flatMap((label) =>
      unless(groupLabels.includes(label), `its legend shows ${label}, which is summed away`),
    ),
    ...unless(
      !quantile || groupLabels.includes('le'),
      'a quantile needs the buckets, which are summed away',
    ),
  ]
}

function selectorMistakes(selector: Selector, world: DashboardWorld): string[] {
  const { metric, matchers, isRange, within } = selector
  const series = world.series.get(metric)
  if (series === undefined) return [`no node has ${metric}`]
  const rated = isRange && (within === 'rate' || within === 'increase')
  return [
    ...unless(
      rated === (series.type !== 'gauge'),
      `${metric} is a ${series.type}, which ${rated ? 'has no rate' : 'only its rate can be read from'}`,
    ),
    ...matchers.flatMap((matcher) => matcherMistakes(matcher, series, world)),
  ]
}

function matcherMistakes(
  { label, operator, value }: Matcher,
  series: Series,
  world: DashboardWorld,
) {
  const values = series.labels.get(label)
  if (values === undefined) {
    return unless(world.scrapeLabels.includes(label), `${series.metric} has no label ${label}`)
  }
  const words = operator.endsWith('~') ? value.split('|') : [value]
  return words.flatMap((word) =>
    unless(values.has(word), `${label} of ${series.metric} is never "${word}"`),
  )
}

function placeMistakes({ panels }: Dashboard): string[] {
  return panels.flatMap(({ title, gridPos }, index) => [
    ...unless(gridPos.x >= 0 && gridPos.x + gridPos.w <= COLUMNS, `${title}: beyond the edge`),
    ...panels
      .slice(0, index)
      .flatMap((other) =>
        unless(!overlap(gridPos, other.gridPos), `${title}: over ${other.title}`),
      ),
  ])
}

function overlap(a: Place, b: Place): boolean {
  const apart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y
  return !apart
}
