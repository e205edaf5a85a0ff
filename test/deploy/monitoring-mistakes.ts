import { posix } from 'node:path'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { parseListenAddress } from '../../src/http/listen.ts'
import { type ComposeFile, readPort, readVolume } from './compose-file.ts'
import { weirNodes } from './compose-mistakes.ts'
import type { Image } from './dockerfile.ts'
import { unless } from './mistake.ts'
import { nodeOptions } from './node-mistakes.ts'
import { repository } from './repository-files.ts'

const closed = { additionalProperties: false }
const Seconds = Type.String({ pattern: '^\\d+s$' })

/** The part of a Prometheus configuration that is used here. */
const PrometheusFile = Type.Object(
  {
    global: Type.Object({ scrape_interval: Seconds, scrape_timeout: Seconds }, closed),
    scrape_configs: Type.Array(
      Type.Object(
        {
          job_name: Type.Literal('weir'),
          metrics_path: Type.Optional(Type.Literal('/metrics')),
          static_configs: Type.Array(Type.Object({ targets: Type.Array(Type.String()) }, closed)),
          relabel_configs: Type.Array(
            Type.Object(
              {
                source_labels: Type.Array(Type.String()),
                regex: Type.String(),
                target_label: Type.String(),
              },
              closed,
            ),
          ),
        },
        closed,
      ),
    ),
  },
  closed,
)

/** Grafana's data sources and where it looks for dashboards. */
const DataSources = Type.Object({
  datasources: Type.Array(
    Type.Object({
      uid: Type.String(),
      type: Type.Literal('prometheus'),
      url: Type.String(),
      jsonData: Type.Object({ timeInterval: Seconds }, closed),
    }),
    { minItems: 1, maxItems: 1 },
  ),
})
const Providers = Type.Object({
  providers: Type.Array(
    Type.Object({
      type: Type.Literal('file'),
      options: Type.Object({ path: Type.String() }, closed),
    }),
  ),
})

export type PrometheusFile = Static<typeof PrometheusFile>
export type DataSources = Static<typeof DataSources>
export type Providers = Static<typeof Providers>

export interface Monitoring {
  readonly prometheus: PrometheusFile
  readonly dataSources: DataSources
  readonly providers: Providers
}

/** Labels that every scraped series has. */
export function scrapeLabels({ scrape_configs }: PrometheusFile): string[] {
  const own = scrape_configs.flatMap((job) => job.relabel_configs.map((it) => it.target_label))
  return ['job', 'instance', ...own]
}

/** Where Prometheus and Grafana look for what is not there. */
export function monitoringMistakes(
  monitoring: Monitoring,
  compose: ComposeFile,
  image: Image,
): string[] {
  const shape = [
    ...Value.Errors(PrometheusFile, monitoring.prometheus),
    ...Value.Errors(DataSources, monitoring.dataSources),
    ...Value.Errors(Providers, monitoring.providers),
  ]
  if (shape.length > 0) return shape.map((it) => `${it.instancePath} ${it.message}`)
  return [
    ...scrapeMistakes(monitoring.prometheus, compose, image),
    ...sourceMistakes(monitoring, compose),
    ...configMistakes(compose),
    ...providerMistakes(monitoring.providers, compose),
  ]
}

function scrapeMistakes(prometheus: PrometheusFile, compose: ComposeFile, image: Image): string[] {
  const { scrape_interval: interval, scrape_timeout: timeout } = prometheus.global
  const doors = weirNodes(compose).flatMap(([name, service]) =>
    nodeOptions(service, image)
      .options.listen.map(parseListenAddress)
      .flatMap((door) => (door.type === 'tcp' ? [`${name}:${door.port}`] : [])),
  )
  const targets = prometheus.scrape_configs.flatMap(({ static_configs }) =>
    static_configs.flatMap((it) => it.targets),
  )
  return [
    ...targets.flatMap((target) => unless(doors.includes(target), `${target} is no node's door`)),
    ...doors.flatMap((door) => unless(targets.includes(door), `${door} is not scraped`)),
    ...unless(Number.parseInt(timeout, 10) <= Number.parseInt(interval, 10), 'scrapes overlap'),
  ]
}

function sourceMistakes({ prometheus, dataSources }: Monitoring, compose: ComposeFile): string[] {
  return dataSources.datasources.flatMap(({ url, jsonData }) => {
    const { protocol, hostname, port } = new URL(url)
    const ports = (compose.services[hostname]?.ports ?? []).map(readPort)
    return [
      ...unless(
        protocol === 'http:' && ports.some((it) => it?.target === Number(port)),
        `no service answers at ${url}`,
      ),
      ...unless(
        jsonData.timeInterval === prometheus.global.scrape_interval,
        `${jsonData.timeInterval} is not the scrape interval`,
      ),
    ]
  })
}

/** Prometheus reads the file that is mounted for it, and writes into its volume. */
function configMistakes({ services, configs }: ComposeFile): string[] {
  const { command = [], configs: own = [], volumes = [] } = services.prometheus ?? {}
  const argument = (name: string) =>
    command.find((it) => it.startsWith(`--${name}=`))?.slice(name.length + 3)
  const mounted = own.find(({ target }) => target === argument('config.file'))
  return [
    ...unless(
      configs[mounted?.source ?? '']?.file === './deploy/prometheus/prometheus.yml',
      `no configuration is mounted at ${argument('config.file')}`,
    ),
    ...unless(
      volumes.map(readVolume).some(({ target }) => target === argument('storage.tsdb.path')),
      `no volume is mounted at ${argument('storage.tsdb.path')}`,
    ),
  ]
}

/** Grafana finds provisioning and dashboards where the repository is mounted. */
function providerMistakes({ providers }: Providers, { services }: ComposeFile): string[] {
  const { volumes = [], environment = {} } = services.grafana ?? {}
  const mounts = volumes.map(readVolume).filter(({ isFolder }) => isFolder)
  const inRepository = (path: string) =>
    mounts
      .filter(({ target }) => path === target || path.startsWith(`${target}/`))
      .some(({ source, target }) => repository.has(posix.join(source, path.slice(target.length))))
  const home = environment.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH ?? ''
  return [
    '/etc/grafana/provisioning/datasources/prometheus.yaml',
    '/etc/grafana/provisioning/dashboards/weir.yaml',
    ...providers.map(({ options }) => `${options.path}/weir.json`),
    home,
  ].flatMap((path) => unless(inRepository(path), `Grafana looks for ${path} in vain`))
}
