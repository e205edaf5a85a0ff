import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it, test } from 'vitest'
import { nodeIdOf } from '../../cluster/libp2p/identity.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import { createNode, type WeirNode } from '../../src/index.ts'
import { attackedCluster, deliver } from '../support/attacked-cluster.ts'
import { orderedIdentities } from '../support/hostile-peer.ts'
import { Libp2pTransports, until } from '../support/libp2p-transports.ts'
import { within } from '../support/real-node.ts'
import { Recorder } from '../support/transport-recorder.ts'

// Who has the cluster's key and is not on the list is no member, whoever else lets him in.

const transports = new Libp2pTransports()
const nodes: WeirNode[] = []
afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.close()))
  await transports.stopAll()
})

describe('a peer', () => {
  test('that is not on the list never links and is never heard, even through a member', async () => {
    const [keyOfB, keyOfC] = await orderedIdentities()
    const [b, c] = [nodeIdOf(keyOfB), nodeIdOf(keyOfC)]
    const victim = await transports.start('victim', { allow: [b] })
    const heard = new Recorder(victim)
    const member = await transports.start('b', { privateKey: keyOfB, seeds: victim.addresses })
    const heardByMember = new Recorder(member)
    const stranger = await transports.start('c', {
      privateKey: keyOfC,
      seeds: [...victim.addresses, ...member.addresses],
    })
    const heardByStranger = new Recorder(stranger)
    heard.guarded.know(c, stranger.addresses)
    await until('the member has heard the stranger, and the victim the member', () => {
      heardByStranger.guarded.broadcast(Uint8Array.of(1))
      heardByMember.guarded.broadcast(Uint8Array.of(2))
      return heardByMember.authors.has(c) && heard.authors.has(b)
    })
    expect(heard.authors).not.toContain(c)
    expect(heard.linkEvents).toEqual([`linked ${b}`])
    expect(transports.faults('victim')).toContainEqual({ type: 'not-allowed', peer: c })
  })
})

describe('a member that tells of others', () => {
  it.each([
    ['is believed without a list', undefined, ['n1', 'n2', 'n3', 'n9']],
    ['is not believed about those who are not on it', ['n2', 'n3'], ['n1', 'n2', 'n3']],
  ])('%s', (_, list, members) => {
    const allowed = list && new Set(list as NodeId[])
    const { made, victim } = attackedCluster({ allowed })
    const record = { ...made.node('n2' as NodeId).replica.membership.self, id: 'n9' as NodeId }
    deliver(victim, 'n2' as NodeId, { type: 'hello', view: 0, members: [record] }, made.nowMs)
    expect(victim.replica.membership.records.map(({ id }) => id).sort()).toEqual(members)
  })
})

describe('a node with a list of peers', () => {
  const RULES = [{ name: 'demo', limits: [{ rate: { count: 60, periodMs: 60_000 }, burst: 60 }] }]
  const idOf = ({ peerAddresses: [address = ''] }: WeirNode) => address.split('/p2p/')[1] ?? ''

  async function start(name: string, cluster: object): Promise<WeirNode> {
    const node = await createNode({ name, rules: RULES, cluster })
    nodes.push(node)
    return node
  }

  test('is joined by those on it, and unchanged by others', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'weir-allowed-'))
    const identityFile = join(folder, 'identity.key')
    const allowed = await start('allowed', { identityFile })
    const allowPeers = [idOf(allowed)]
    await allowed.close()
    const victim = await start('victim', { allowPeers })
    await victim.check({ rule: 'demo', key: 'a', cost: 20 })
    const seeds = victim.peerAddresses
    const counts = () => {
      const inspection = victim.inspect('demo', 'a')
      return 'limits' in inspection ? inspection.limits.flatMap((limit) => limit.counts) : []
    }
    const before = counts()
    const { view } = victim.cluster()
    expect(before).toHaveLength(1)
    const stranger = await start('stranger', { seeds })
    await within(10_000, async () => stranger.readiness().ready)
    await stranger.check({ rule: 'demo', key: 'a', cost: 20 })
    const friend = await start('allowed', { identityFile, seeds })
    await within(10_000, async () => victim.cluster().members.some(({ linked }) => linked))
    expect(victim.cluster().members.map(({ name }) => name)).toEqual(['allowed', 'victim'])
    await friend.close()
    await within(10_000, async () =>
      victim.cluster().members.every(({ state, self }) => self || state !== 'active'),
    )
    expect(victim.cluster().view).toBe(view)
    expect(counts()).toEqual(before)
    expect(stranger.cluster().members.map(({ name }) => name)).toEqual(['stranger'])
    rmSync(folder, { recursive: true })
  })

  test('does not start with an id that is none', async () => {
    await expect(start('x', { allowPeers: ['n1'] })).rejects.toThrow('"n1" is no id of a peer')
  })
})
