import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { parseRules } from '../../src/rules/load.ts'
import { readComposeFile } from './compose-file.ts'
import { type Dashboard, graphs, readDashboard, type Target } from './dashboard.ts'
import { dashboardMistakes, unshownMetrics } from './dashboard-mistakes.ts'
import { Image, readDockerfile } from './dockerfile.ts'
import { type Monitoring, monitoringMistakes, scrapeLabels } from './monitoring-mistakes.ts'
import { readQuery } from './promql.ts'
import { registeredSeries } from './registered-metrics.ts'
import { repository } from './repository-files.ts'

const compose = readComposeFile(repository.read('docker-compose.yml'))
const image = new Image(readDockerfile(repository.read('deploy/Dockerfile')))
const monitoring: Monitoring = {
  prometheus: parse(repository.read('deploy/prometheus/prometheus.yml')),
  dataSources: parse(repository.read('deploy/grafana/provisioning/datasources/prometheus.yaml')),
  providers: parse(repository.read('deploy/grafana/provisioning/dashboards/weir.yaml')),
}
const dashboard = readDashboard(JSON.parse(repository.read('deploy/grafana/dashboards/weir.json')))
const world = {
  series: await registeredSeries(parseRules(repository.read('deploy/rules.yaml'), 'rules.yaml')),
  scrapeLabels: scrapeLabels(monitoring.prometheus),
  dataSource: monitoring.dataSources.datasources[0]?.uid ?? '',
}

const one = (words: string) => [expect.stringContaining(words)]
const some = (words: string) => expect.arrayContaining(one(words))

describe('Prometheus and Grafana', () => {
  test('find everything they look for', () => {
    expect(monitoringMistakes(monitoring, compose, image)).toEqual([])
  })

  test.each<[string, (copy: Monitoring) => unknown, string]>([
    [
      'a target that is no node',
      ({ prometheus }) => targetsOf(prometheus).push('weir-4:8080'),
      "weir-4:8080 is no node's door",
    ],
    [
      'the peer port as a target',
      ({ prometheus }) => targetsOf(prometheus).splice(0, 1, 'weir-1:4001'),
      "weir-1:4001 is no node's door",
    ],
    [
      'a forgotten node',
      ({ prometheus }) => targetsOf(prometheus).pop(),
      'weir-3:8080 is not scraped',
    ],
    [
      'scrapes that overlap',
      ({ prometheus }) => (prometheus.global.scrape_timeout = '6s'),
      'scrapes overlap',
    ],
    [
      'a misspelt property',
      ({ prometheus }) => Object.assign(prometheus.global, { scrape_intervall: '5s' }),
      '/global',
    ],
    [
      'a data source at another port',
      ({ dataSources }) =>
        Object.assign(dataSources.datasources[0] ?? {}, { url: 'http://prometheus:80' }),
      'no service answers at http://prometheus:80',
    ],
    [
      'another interval',
      ({ dataSources }) =>
        Object.assign(dataSources.datasources[0]?.jsonData ?? {}, { timeInterval: '15s' }),
      '15s is not the scrape interval',
    ],
    [
      'dashboards elsewhere',
      ({ providers }) =>
        Object.assign(providers.providers[0]?.options ?? {}, { path: '/dashboards' }),
      'Grafana looks for /dashboards/weir.json in vain',
    ],
  ])('would be caught with %s', (_, change, words) => {
    const copy = structuredClone(monitoring)
    change(copy)
    expect(monitoringMistakes(copy, compose, image)).toEqual(some(words))
  })

  test('would be caught with files that are not mounted where they look', () => {
    const copy = structuredClone(compose)
    Object.assign(copy.services.grafana ?? {}, { volumes: ['grafana:/var/lib/grafana'] })
    Object.assign(copy.services.prometheus ?? {}, { configs: [], volumes: [] })
    expect(monitoringMistakes(monitoring, copy, image)).toHaveLength(6)
  })
})

function targetsOf(prometheus: Monitoring['prometheus']): string[] {
  return prometheus.scrape_configs[0]?.static_configs[0]?.targets ?? []
}

describe('the dashboard', () => {
  test('shows what nodes have, readably', () => {
    expect(dashboardMistakes(dashboard, world)).toEqual([])
  })

  test('shows every metric, but for frames beside their bytes', () => {
    expect(unshownMetrics(dashboard, world)).toEqual(['rate_limiter_gossip_messages_total'])
  })

  test('has graphs to look at', () => {
    expect(graphs(dashboard).flatMap(({ targets }) => targets).length).toBeGreaterThan(18)
  })
})

/** The mistakes after a change to the first query of the panel with this title. */
function planted(title: string, change: (target: Target) => unknown): string[] {
  return plantedDashboard((copy) => {
    const target = graphs(copy).find((panel) => panel.title === title)?.targets[0]
    if (target === undefined) throw new Error(`no panel is called "${title}"`)
    change(target)
  })
}

function plantedDashboard(change: (copy: Dashboard) => unknown): string[] {
  const copy = structuredClone(dashboard)
  change(copy)
  return dashboardMistakes(copy, world)
}

describe('a planted mistake in the dashboard is seen', () => {
  test.each<[string, string, string, string, string]>([
    ['a metric nobody has', 'Gossip', 'gossip_bytes_total', 'gossip_octets_total', 'no node has'],
    ['a histogram by its name alone', 'Time to a decision', '_bucket', '', 'no node has'],
    ['a label nobody has', 'Denials by reason', 'by (reason)', 'by (cause)', 'groups by cause'],
    ['a value that never is', 'Denied share', '"denied"', '"refused"', 'never "refused"'],
    ['one of two values', 'Denied share', 'allowed|denied', 'alowed|denied', 'never "alowed"'],
    ['a matcher on no label', 'Denied share', '{result="denied"}', '{key="a"}', 'no label key'],
    [
      'the rate of a gauge',
      'Peers by state',
      'rate_limiter_peers',
      'rate(rate_limiter_peers[1m])',
      'has no rate',
    ],
    ['a counter as it is', 'Ring changes', 'increase', 'sum', 'only its rate'],
    ['a quantile without buckets', 'Time to a decision', 'le, path', 'path', 'needs the buckets'],
    ['an unknown function', 'Gossip', 'rate(', 'ratio(', 'ratio is unknown'],
  ])('%s', (_, title, search, replacement, words) => {
    const mistakes = planted(title, (target) => {
      expect(target.expr).toContain(search)
      target.expr = target.expr.replace(search, replacement)
    })
    expect(mistakes).toEqual(some(words))
  })

  test('a legend of a label that is summed away', () => {
    const mistakes = planted('Gossip', (target) => (target.legendFormat = '{{node}}'))
    expect(mistakes).toEqual(one('shows node'))
  })

  test('a data source that is not provisioned', () => {
    const mistakes = planted('Gossip', (target) => (target.datasource.uid = 'other'))
    expect(mistakes).toEqual(one('not provisioned'))
  })

  test('a panel without a unit, without a description, or on top of another', () => {
    const panel = (copy: Dashboard) => Object.assign({}, graphs(copy).at(-1))
    expect(
      plantedDashboard((copy) =>
        Object.assign(graphs(copy)[0]?.fieldConfig.defaults ?? {}, { unit: '' }),
      ),
    ).toEqual(one('the unit ""'))
    expect(() =>
      readDashboard({ ...dashboard, panels: [{ ...panel(dashboard), description: '' }] }),
    ).toThrow('description')
    expect(plantedDashboard((copy) => copy.panels.push(panel(copy)))).toEqual([
      expect.stringContaining('over'),
      expect.stringContaining('same id'),
    ])
  })
})

describe('a query is read', () => {
  test('into its series, functions and group labels', () => {
    const query = readQuery(
      'sum by (le, path) (rate(a_bucket{x="1",y=~"b|c"}[$__rate_interval])) / on (path) (max(b) > 0.5)',
    )
    expect(query).toEqual({
      selectors: [
        {
          metric: 'a_bucket',
          matchers: [
            { label: 'x', operator: '=', value: '1' },
            { label: 'y', operator: '=~', value: 'b|c' },
          ],
          isRange: true,
          within: 'rate',
        },
        { metric: 'b', matchers: [], isRange: false, within: 'max' },
      ],
      functions: ['sum', 'rate', 'max'],
      groupLabels: ['le', 'path', 'path'],
    })
  })
})
