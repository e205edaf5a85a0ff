import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { writePreSharedKey } from '../../src/cli/keygen.ts'
import { RealCluster } from '../support/real-cluster.ts'
import { isAlive, type RealNode, within } from '../support/real-node.ts'

// The procedures of docs/security.md, as they are written there.

const TOKENS = ['a1b2c3d4'.repeat(8), 'ffffffff'.repeat(8)] as const
const BURST = 60
const PER_MS = 60 / 60_000

let cluster: RealCluster
beforeAll(async () => {
  cluster = await RealCluster.start(3)
})
afterAll(() => cluster.stop())

/** Asks every node that lives, and counts what was admitted. */
async function ask(times: number): Promise<number> {
  let admitted = 0
  for (const { url } of cluster.nodes.filter(isAlive)) {
    for (let asked = 0; asked < times; asked++) {
      const { status } = await fetch(`${url}/v1/gate?rule=slow&key=rotated`)
      expect([204, 429]).toContain(status)
      if (status === 204) admitted += 1
    }
  }
  return admitted
}

describe("the cluster's key", () => {
  test('is changed node by node: every check is answered, and two limits hold meanwhile', async () => {
    const startMs = performance.now()
    const secretFile = join(cluster.folder, 'new.key')
    await writePreSharedKey(secretFile)
    const old = [...cluster.nodes]
    let admitted = await ask(30)
    const renewed: RealNode[] = []
    for (const node of old) {
      node.process.kill('SIGTERM')
      await once(node.process, 'exit')
      // The seeds are those of all places, whoever is there at present.
      const seeds = [...renewed, ...old.filter(isAlive)].flatMap(({ peer }) => peer)
      const next = await cluster.launch(`${node.name}-new`, seeds, ['--secret-file', secretFile])
      renewed.push(next)
      await within(15_000, async () => (await fetch(`${next.url}/readyz`)).status === 200)
      admitted += await ask(30)
    }
    await cluster.settled(3)
    expect(cluster.nodes.filter(isAlive)).toHaveLength(3)
    const elapsedMs = performance.now() - startMs
    expect(admitted).toBeGreaterThan(BURST)
    expect(admitted).toBeLessThanOrEqual(2 * (BURST + PER_MS * elapsedMs))
  })
})

describe('the tokens of the admin door', () => {
  test('are changed without a pause, by SIGHUP or by themselves', async () => {
    const tokenFile = join(cluster.folder, 'admin.token')
    writeFileSync(tokenFile, TOKENS[0])
    const flags = ['--peer-listen', 'none', '--admin-token-file', tokenFile]
    const node = await cluster.launch('guarded', [], flags)
    const status = async (token: string) => {
      const headers = { authorization: `Bearer ${token}` }
      return (await fetch(`${node.admin}/api/v1/cluster`, { headers })).status
    }
    expect([await status(TOKENS[0]), await status(TOKENS[1])]).toEqual([200, 401])
    writeFileSync(tokenFile, TOKENS.join('\n'))
    node.process.kill('SIGHUP')
    await within(10_000, async () => (await status(TOKENS[1])) === 200)
    expect(await status(TOKENS[0])).toBe(200)
    writeFileSync(tokenFile, TOKENS[1])
    await within(10_000, async () => (await status(TOKENS[0])) === 401)
    expect(await status(TOKENS[1])).toBe(200)
    expect(isAlive(node)).toBe(true)
  })
})
