import { posix } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { configure } from '../../src/cli/configuration.ts'
import { parseRules } from '../../src/rules/load.ts'
import { repository } from './repository-files.ts'

// No Kubernetes is at hand: the manifest is held against itself, and against what a node makes of it.

interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string }
  // biome-ignore lint/suspicious/noExplicitAny: what each kind holds is Kubernetes' own
  readonly spec: any
  readonly data?: Readonly<Record<string, string>>
}

const manifests = parseAllDocuments(repository.read('deploy/kubernetes/weir.yaml')).map(
  (document): Manifest => {
    expect(document.errors).toEqual([])
    return document.toJS()
  },
)

function manifestOf(kind: string, name: string): Manifest {
  const found = manifests.find((each) => each.kind === kind && each.metadata.name === name)
  if (found === undefined) throw new Error(`no ${kind} is called ${name}`)
  return found
}

const { spec } = manifestOf('StatefulSet', 'weir')
const pod = spec.template.spec
const [container] = pod.containers

/** As the node finds them, with what a pod would put in. */
function variables(): Record<string, string> {
  const found: Record<string, string> = {}
  for (const { name, value } of container.env) {
    found[name] = (value ?? '10.0.0.7').replaceAll(/\$\((\w+)\)/g, (_: string, of: string) => {
      return found[of] ?? `${of} is not defined before`
    })
  }
  return found
}

function portOf(address: string | null | undefined): number {
  return Number(address?.split(':').at(-1))
}

describe('the manifest for Kubernetes', () => {
  test('gives a node options that it understands, and no variable without effect', () => {
    const { options, warnings } = configure({ flags: {}, variables: variables() })
    expect(warnings).toEqual([])
    expect(options.advertise).toEqual(['10.0.0.7:4001'])
    expect(portOf(options.advertise[0])).toBe(portOf(options.peerListen))
  })

  test('has one seed: a headless service that stands for all nodes, ready or not', () => {
    const { options } = configure({ flags: {}, variables: variables() })
    const [seed = '', ...others] = options.seeds
    expect(others).toEqual([])
    const service = manifestOf('Service', seed.split(':')[0] ?? '')
    expect(service.spec).toMatchObject({ clusterIP: 'None', publishNotReadyAddresses: true })
    expect(service.spec.selector).toEqual(spec.template.metadata.labels)
    expect(portOf(seed)).toBe(portOf(options.peerListen))
    expect(spec.serviceName).toBe(service.metadata.name)
  })

  test('leads apps and probes to the data door', () => {
    const { options } = configure({ flags: {}, variables: variables() })
    const data = manifestOf('Service', 'weir').spec
    expect(data.selector).toEqual(spec.template.metadata.labels)
    expect(data.ports).toEqual([{ name: 'http', port: portOf(options.listen[0]) }])
    const ports = new Map(
      container.ports.map((port: { name: string; containerPort: number }) => [
        port.name,
        port.containerPort,
      ]),
    )
    expect(ports).toEqual(
      new Map([
        ['http', portOf(options.listen[0])],
        ['peers', portOf(options.peerListen)],
      ]),
    )
    expect(container.livenessProbe.httpGet).toEqual({ path: '/livez', port: 'http' })
    expect(container.readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'http' })
  })

  test('lets only nodes reach the port of peers', () => {
    const { ingress, podSelector } = manifestOf('NetworkPolicy', 'weir').spec
    const { labels } = spec.template.metadata
    expect(podSelector.matchLabels).toEqual(labels)
    const toPeers = ingress.filter((rule: { ports: { port: number }[] }) =>
      rule.ports.some(({ port }) => port === 4001),
    )
    expect(toPeers).toEqual([
      { ports: [{ port: 4001 }], from: [{ podSelector: { matchLabels: labels } }] },
    ])
  })
})

describe('a pod of it', () => {
  test('mounts every file that a node is told of, and rules that can be used', () => {
    const { options } = configure({ flags: {}, variables: variables() })
    const mounts = new Map<string, string>(
      container.volumeMounts.map((mount: { name: string; mountPath: string }) => [
        mount.mountPath,
        mount.name,
      ]),
    )
    const volumes = [...pod.volumes, ...spec.volumeClaimTemplates.map(claimed)]
    const mountOf = (path: string | null) =>
      volumes.find(({ name }: { name: string }) => name === mounts.get(path ?? ''))
    expect(mountOf(posix.dirname(options.secretFile ?? ''))).toHaveProperty('secret')
    expect(mountOf(options.dataDir)).toHaveProperty('claim')
    const { configMap } = mountOf(posix.dirname(options.rules ?? ''))
    const rules = manifestOf('ConfigMap', configMap.name).data?.[
      posix.basename(options.rules ?? '')
    ]
    expect(parseRules(rules ?? '', 'rules.yaml').definitions.length).toBeGreaterThan(0)
  })

  test('leaves a node time to end in order, and nothing that it does not need', () => {
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(20)
    expect(pod.enableServiceLinks).toBe(false)
    expect(pod.securityContext.runAsNonRoot).toBe(true)
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
  })
})

function claimed({ metadata }: Manifest): { readonly name: string; readonly claim: true } {
  return { name: metadata.name, claim: true }
}
