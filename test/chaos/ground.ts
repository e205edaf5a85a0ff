import { Cables, cablesMissing } from './cables.ts'
import { FaultProxy } from './fault-proxy.ts'
import { freePorts } from './free-ports.ts'

/**
 * Where nodes live, and so what can be done to the network between them: `loopback`, nothing; `proxied`, what a proxy
 * on each link can do; `cables`, a network namespace each, whose cable can be pulled.
 */
export type GroundName = 'loopback' | 'proxied' | 'cables'

/** The place of one node: the same at each of its starts, so that others find it again. */
export interface Plot {
  /** Where clients find its data door: `http://host:port` or `unix:/path`. */
  readonly door: string
  /** How it is told where to listen. */
  readonly flags: readonly string[]
  /** Where its peers find it. */
  readonly seed: string
  /** What runs its command. */
  readonly under: readonly string[]
}

export interface Ground {
  readonly plots: ReadonlyMap<string, Plot>
  readonly proxy?: FaultProxy
  readonly cables?: Cables
  /** Takes down whatever was put up. */
  clear(): void
}

/** Why there can be no such ground here; undefined if there can. */
export function groundMissing(ground: GroundName): string | undefined {
  if (ground === 'cables') return cablesMissing()
  if (ground === 'proxied' && process.platform !== 'linux')
    return 'who dialled a proxy is known from /proc, which Linux alone has'
  return undefined
}

export async function prepareGround(
  ground: GroundName,
  names: readonly string[],
  folder: string,
  pidOf: (name: string) => number | undefined,
): Promise<Ground> {
  switch (ground) {
    case 'loopback':
      return { plots: await loopbackPlots(names), clear: () => undefined }
    case 'proxied':
      return proxiedGround(names, pidOf)
    case 'cables':
      return cabledGround(names, folder)
    default:
      return ground satisfies never
  }
}

async function loopbackPlots(names: readonly string[]): Promise<Map<string, Plot>> {
  const ports = await freePorts(3 * names.length)
  return new Map(names.map((name) => [name, loopbackPlot(ports)]))
}

/** Takes three of the ports. */
function loopbackPlot(ports: number[]): Plot {
  const [listen, admin, seed] = ports.splice(0, 3).map((port) => `127.0.0.1:${port}`) as [
    string,
    string,
    string,
  ]
  const flags = ['--listen', listen, '--admin', admin, '--peer-listen', seed]
  return { door: `http://${listen}`, flags, seed, under: [] }
}

async function proxiedGround(
  names: readonly string[],
  pidOf: (name: string) => number | undefined,
): Promise<Ground> {
  const behind = await loopbackPlots(names)
  const fronts = await freePorts(names.length)
  const places = new Map(
    [...behind].map(([name, { seed }], at) => {
      return [name, { front: fronts[at] as number, behind: Number(seed.split(':')[1]) }]
    }),
  )
  const proxy = new FaultProxy(places, pidOf)
  await Promise.all(names.map((name) => proxy.open(name)))
  const plots = [...behind].map(([name, plot]): [string, Plot] => {
    const seed = `127.0.0.1:${places.get(name)?.front}`
    return [name, { ...plot, seed, flags: [...plot.flags, '--advertise', seed] }]
  })
  return { plots: new Map(plots), proxy, clear: () => proxy.end() }
}

function cabledGround(names: readonly string[], folder: string): Ground {
  const cables = new Cables(names)
  const plots = names.map((name): [string, Plot] => {
    const [door, admin] = [`unix:${folder}/${name}.sock`, `unix:${folder}/${name}-admin.sock`]
    const seed = `${cables.addressOf(name)}:4001`
    const flags = ['--listen', door, '--admin', admin, '--peer-listen', seed]
    return [name, { door, flags, seed, under: cables.under(name) }]
  })
  return { plots: new Map(plots), cables, clear: () => cables.remove() }
}
